"""What is minimised: functions of a model and a batch. Chapters 03, 06 and 07.

model_logits a model's logits on a batch
classic      supervised, distilled, label_smoothed
ramps        when the teacher's term counts
signals      other signals than softened logits
networks     several networks as one, for some of them
privileged   a teacher that sees more than its student
on_policy    the student writes and the teacher judges
hooks        what layers compute, without editing a model
"""

from kdlib.objectives.classic import Batch as Batch
from kdlib.objectives.classic import Objective as Objective
from kdlib.objectives.classic import Stored as Stored
from kdlib.objectives.classic import Teacher as Teacher
from kdlib.objectives.classic import distilled as distilled
from kdlib.objectives.classic import label_smoothed as label_smoothed
from kdlib.objectives.classic import supervised as supervised
from kdlib.objectives.classic import teacher_logits as teacher_logits
from kdlib.objectives.model_logits import logits_on as logits_on
from kdlib.objectives.on_policy import on_policy as on_policy
