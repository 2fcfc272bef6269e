"""RapidOCR 3 as an engine process: `python rapidocr_engine.py best|default THREADS`.

best: no 180° classifier, images decoded here (RapidOCR mistakes palette PNGs); default: as it comes, given
the path. Crops: recognition only. 0 THREADS leaves the setting alone.
"""

import sys

import cv2
from rapidocr import RapidOCR
from worker import serve

setting, threads = sys.argv[1], int(sys.argv[2])
params = {"Global.log_level": "error"}
if setting == "best":
    params["Global.use_cls"] = False
if threads:
    params["EngineConfig.onnxruntime.intra_op_num_threads"] = threads
engine = RapidOCR(params=params)


def read(image, task, _language):
    source = cv2.imread(image) if setting == "best" else image
    parts = {} if task == "page" else {"use_det": False, "use_cls": setting != "best", "use_rec": True}
    result = engine(source, **parts)
    return "\n".join(result.txts or ())


serve(read)
