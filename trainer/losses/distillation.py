"""Distillation of a multi-label classifier: the student learns the teacher's score of each class, and its embedding if asked to.

    logits:    T² · mean over batch and classes of KL( Bernoulli σ(t/T) ‖ Bernoulli σ(s/T) )
    features:  mean over the batch of 1 - cos(s, t), or mean over batch and dimensions of (s - t)²
    maps:      mean over batch, classes and cells of the Huber loss of s - t, both averaged onto the coarser grid

A label set is no distribution over classes: each class is a question of yes and no, with a divergence of its own.
Sources: Hinton, Vinyals & Dean, "Distilling the Knowledge in a Neural Network", 2015 (temperature, factor T²); Yang et al., "Multi-Label
Knowledge Distillation", ICCV 2023, section 3.1 (one binary divergence per class); Romero et al., "FitNets", ICLR 2015 (the embedding,
through a regressor); Guo et al., "Class Attention Transfer Based Knowledge Distillation", CVPR 2023 (class maps, without a regressor).
"""

# N batch, C classes, D embedding, h w cells of a class map

from typing import Literal

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, cosine_similarity, logsigmoid, mse_loss, smooth_l1_loss

FeatureLoss = Literal["cosine", "mse"]


def binary_distillation(student_logits_NC: Tensor, teacher_logits_NC: Tensor, *, temperature: float) -> Tensor:
    """The first loss above as a scalar, stable for logits of any size.

    Args:
        student_logits_NC: Before the sigmoid.
        teacher_logits_NC: The same, without gradient.
        temperature: T > 0; the factor T² keeps the gradient's size as T grows.
    """
    student_NC, teacher_NC = student_logits_NC / temperature, teacher_logits_NC / temperature
    score_NC = teacher_NC.sigmoid()
    present_NC = score_NC * (logsigmoid(teacher_NC) - logsigmoid(student_NC))
    absent_NC = (1.0 - score_NC) * (logsigmoid(-teacher_NC) - logsigmoid(-student_NC))
    return temperature**2 * (present_NC + absent_NC).mean()


def feature_distillation(student_ND: Tensor, teacher_ND: Tensor, *, kind: FeatureLoss) -> Tensor:
    """The second loss above as a scalar.

    Args:
        student_ND: Embeddings, projected to the teacher's length D.
        teacher_ND: The teacher's, without gradient.
        kind: "cosine" looks at directions alone, "mse" at lengths too.
    """
    if kind == "mse":
        return mse_loss(student_ND, teacher_ND)
    return (1.0 - cosine_similarity(student_ND, teacher_ND)).mean()


def map_distillation(student_NChw: Tensor, teacher_NChw: Tensor) -> Tensor:
    """The third loss above as a scalar: each cell of the student's answers for what the teacher sees there.

    A score tells a student that something is in the frame, the map which of its cells to look at: one image becomes as many lessons as it
    has cells, which a network without a sense of locality needs most.

    Args:
        student_NChw: Class maps (logits per cell).
        teacher_NChw: The same on a grid of its own, without gradient.
    """
    grid = (min(student_NChw.shape[2], teacher_NChw.shape[2]), min(student_NChw.shape[3], teacher_NChw.shape[3]))
    return smooth_l1_loss(adaptive_avg_pool2d(student_NChw, grid), adaptive_avg_pool2d(teacher_NChw, grid))
