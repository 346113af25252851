"""Training, pruning, calibration and quantization-aware fine-tuning.

`lilliput.train.settings` needs no torch; everything else does and is imported when it is first asked for.
"""
