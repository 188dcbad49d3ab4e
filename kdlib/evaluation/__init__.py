"""How good answers are, and what several seeds say together.

metrics      of logits and labels
statistics   means with intervals, paired differences, the bootstrap
fidelity     how much alike two models answer
grad_cam     where a network looks
"""
