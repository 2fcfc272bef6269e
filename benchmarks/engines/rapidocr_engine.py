"""RapidOCR 3 as an engine process: `python rapidocr_engine.py best|default THREADS`.

best: no 180° classifier, images decoded here (RapidOCR mistakes palette PNGs); default: as it comes, given
the path. Crops: recognition only. 0 THREADS leaves the setting alone.

Characters have boxes after detection alone. Recognition only says in which of its columns each was read; of
crops, RapidOCR's own rule makes boxes of these as if the crop had been detected.
"""

import sys

import cv2
import numpy as np
from rapidocr import RapidOCR
from worker import serve

setting, threads = sys.argv[1], int(sys.argv[2])
params = {"Global.log_level": "error"}
if setting == "best":
    params["Global.use_cls"] = False
if threads:
    params["EngineConfig.onnxruntime.intra_op_num_threads"] = threads
engine = RapidOCR(params=params)


def run(image, task, **more):
    source = cv2.imread(image) if setting == "best" else image
    # all three every time: RapidOCR keeps what it was told for the next image
    parts = {"use_det": task == "page", "use_cls": setting != "best", "use_rec": True}
    return engine(source, **parts, **more)


def read(image, task, _language):
    return "\n".join(run(image, task).txts or ())


def locate(image, task, _language):
    result = run(image, task, return_word_box=True, return_single_char_box=True)
    if not result.txts:
        return []
    if task == "page":
        return [[sign, corners] for line in result.word_results for sign, _, corners in line]
    height, width = cv2.imread(image).shape[:2]
    crop = np.array([[0, 0], [width, 0], [width, height], [0, height]])
    rule = engine.cal_rec_boxes
    signs, boxes, _ = rule.cal_ocr_word_box(result.txts[0], crop, result.word_results[0], True)
    return list(zip(signs, np.array(rule.adjust_box_overlap(boxes), float).tolist(), strict=True))


serve(read, locate)
