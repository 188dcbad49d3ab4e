"""The loop that trains, and what it stands on. Chapter 03.

loop         train, and a model's logits for a whole data set
batches      of a data set on the device, or of any loader
recipes      optimiser, learning rate, epochs, and what makes no sense with them
schedules    of the learning rate (of the teacher's weight: objectives.ramps)
checkpoints  training that survives a kill
identity     what tells one run from another, so that no checkpoint is continued by another
devices      where to compute, and in which precision
"""

from kdlib.training.batches import Augment as Augment
from kdlib.training.loop import DivergedError as DivergedError
from kdlib.training.loop import Trained as Trained
from kdlib.training.loop import logits_of as logits_of
from kdlib.training.loop import train as train
from kdlib.training.recipes import Recipe as Recipe
