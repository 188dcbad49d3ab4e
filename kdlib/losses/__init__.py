"""What a student is trained to match: pure functions of tensors. Chapters 02 and 07.

kd           T^2 times the divergence, and Hinton's loss
divergences  the reverse one, those between, one-logit heads and several labels
logits       other ways to compare two models' logits
features     what two networks compute on their way
rows         what the losses of logits share: which rows count, and how they become one number
"""

from kdlib.losses.kd import Terms as Terms
from kdlib.losses.kd import distillation_term as distillation_term
from kdlib.losses.kd import hard_term as hard_term
from kdlib.losses.kd import hinton_loss as hinton_loss
