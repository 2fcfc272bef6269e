"""foveal as an engine process: `foveal_engine.py fast|accurate THREADS`; 0 THREADS is its own choice."""

import sys

from worker import serve

from foveal import Reader

reader = Reader(model=sys.argv[1], threads=int(sys.argv[2]) or None)


def read(image, task, _language):
    return reader.read(image).text if task == "page" else reader.transcribe([image])[0].text


serve(read)
