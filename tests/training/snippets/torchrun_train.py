from pathlib import Path

from kdlib import data, models, pretrained
from kdlib.data.augment import View
from kdlib.evaluation import metrics
from kdlib.objectives import distilled
from kdlib.training import Recipe, logits_of, ranks, shards, train

images = data.load("mnist", "train", resolution=32).subset(range(6_000))
test = data.load("mnist", "test", resolution=32)
student = models.lenet5((6, 12), (90, 64), seed=0)
recipe = Recipe(6, 0.01, batch_size=64, optimizer="adam", schedule="one_cycle")
with ranks.joined():
    told = shards.fill(pretrained.mnist_teacher(), images, [View()], Path("told"), shard=1_000)
    goal = distilled(told[:, 0], temperature=4, alpha=0.9)
    train(student, images, goal, recipe, seed=0, checkpoint=Path("student.safetensors"))
    if ranks.rank() == 0:
        wrong = metrics.errors(logits_of(student, test), test.labels)
        print(f"{wrong} of {len(test):,} wrong, trained by {ranks.world()}")
