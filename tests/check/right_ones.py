"""Two right answers to each exercise, written otherwise than trusted code: by hand, in NumPy, by loops."""

import math
from statistics import mean, stdev

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats


def soften_by_hand(z, T):
    e = torch.exp((z - z.max(dim=-1, keepdim=True).values) / T)
    return e / e.sum(-1, keepdim=True)


def soften_numpy(z, T):
    z = z.numpy() / T
    e = np.exp(z - z.max(-1, keepdims=True))
    return torch.from_numpy(e / e.sum(-1, keepdims=True))


def temperature_newton(z, share):
    low, high = 0.01, 100.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        if torch.softmax(z / middle, 0).max() > share:
            low = middle
        else:
            high = middle
    return high


def temperature_by_logarithm(z, share):
    ts = [10 ** (-2 + 4 * k / 100_000) for k in range(100_001)]
    top = 1 / torch.exp((z[None] - z.max()) / torch.tensor(ts)[:, None]).sum(1)
    return ts[int((top - share).abs().argmin())]


def likeness_onehot(p, y):
    members = F.one_hot(y, p.shape[1]).double()
    table = (members / members.sum(0)).T @ p
    return (table + table.T) * (1 - torch.eye(len(table)))


def likeness_loop(p, y):
    p, y, n = p.numpy(), y.numpy(), p.shape[1]
    table = np.zeros((n, n))
    for a in range(n):
        for b in range(a):
            table[a, b] = table[b, a] = p[y == a, b].mean() + p[y == b, a].mean()
    return table


def kl_torch(p, q):
    return F.kl_div(q.log(), p, reduction="batchmean")


def kl_loop(p, q):
    rows = zip(p.tolist(), q.tolist(), strict=True)
    return mean(sum(a * math.log(a / b) for a, b in zip(*row, strict=True) if a > 0) for row in rows)


def term_by_hand(s, t, T):
    p = torch.softmax(t.detach() / T, -1)
    log_q = s / T - torch.logsumexp(s / T, -1, keepdim=True)
    return T * T * (p * (p.log() - log_q)).sum() / len(s)


def term_by_entropies(s, t, T):
    with torch.no_grad():
        p = F.softmax(t / T, 1)
        own = -(p * p.log()).sum(1).mean()
    return T**2 * (F.cross_entropy(s / T, p) - own)


def masked_weighted(s, t, mask, T):
    log_p, log_q = F.log_softmax(t.detach() / T, -1), F.log_softmax(s / T, -1)
    each = (log_p.exp() * (log_p - log_q)).sum(-1)
    return T**2 * (each * mask).sum() / mask.sum()


def masked_chosen(s, t, mask, T):
    return term_by_hand(s[mask.bool()], t[mask.bool()], T)


def batch_select(images, labels, told, rows):
    return [x.index_select(0, rows) for x in (images, labels, told)]


def batch_loop(images, labels, told, rows):
    return tuple(torch.stack([x[i] for i in rows.tolist()]) for x in (images, labels, told))


def paired_scipy(a, b):
    d = (a - b).numpy()
    return (float(d.mean()), *stats.t.interval(0.95, len(d) - 1, d.mean(), stats.sem(d)))


def paired_plain(a, b):
    d = [x - y for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    half = 2.776445 * stdev(d) / math.sqrt(len(d))
    return {"mean": mean(d), "low": mean(d) - half, "high": mean(d) + half}


def seeds_search(s, half):
    return next(n for n in range(1, 10_000) if 1.96 * s / math.sqrt(n) <= half)


def seeds_floor(s, half):
    return -int(-((1.96 * s) ** 2) / half**2 // 1)


def bias_bisected(logits, digit, share):
    low, high = -100.0, 100.0
    while high - low > 1e-4:
        bias = torch.zeros(logits.shape[1]).double()
        bias[digit] = (low + high) / 2
        if ((logits + bias).argmax(1) == digit).double().mean() < share:
            low = (low + high) / 2
        else:
            high = (low + high) / 2
    return low


def bias_sorted(logits, digit, share):
    z = logits.numpy()
    gaps = np.sort(np.delete(z, digit, axis=1).max(1) - z[:, digit])
    return gaps[round(share * len(gaps))]


def smoothed_full(y, classes, epsilon):
    targets = torch.full((len(y), classes), epsilon / classes)
    targets[range(len(y)), y] += 1 - epsilon
    return targets


def smoothed_eye(y, classes, epsilon):
    return (np.eye(classes)[y.numpy()] * (1 - epsilon)) + epsilon / classes


def norm_torch(x, mean, variance, scale, shift):
    return F.batch_norm(x, mean, variance, scale, shift, training=False)


def norm_factored(x, mean, variance, scale, shift):
    factor = scale * (variance + 1e-5).rsqrt()
    return torch.einsum("nchw,c->nchw", x, factor) + (shift - mean * factor).reshape(1, -1, 1, 1)


def top_loop(z, T, k):
    rows = []
    for p in torch.softmax(z / T, 1):
        few = p.sort(descending=True).indices[:k]
        row = torch.full_like(p, float((1 - p[few].sum()) / (len(p) - k)))
        row[few] = p[few]
        rows.append(row)
    return torch.stack(rows)


def top_numpy(z, T, k):
    e = np.exp(z.numpy() / T)
    p = e / e.sum(1, keepdims=True)
    few = p >= np.sort(p, axis=1)[:, [-k]]
    return np.where(few, p, (p * ~few).sum(1, keepdims=True) / (~few).sum(1, keepdims=True))


def value_counts(sensitivity, specificity, share):
    ill, well = 1_000_000 * share, 1_000_000 * (1 - share)
    return ill * sensitivity / (ill * sensitivity + well - well * specificity)


def value_odds(sensitivity, specificity, share):
    odds = share / (1 - share) * sensitivity / (1 - specificity)
    return odds / (1 + odds)


def threshold_counts(odds, y):
    def both(t):
        hits, passes = int(((odds > t) & (y == 1)).sum()), int(((odds <= t) & (y == 0)).sum())
        return hits / int(y.sum()) + passes / int((1 - y).sum())

    best = max(both(t) for t in odds)
    return min(float(t) for t in odds if both(t) > best - 1e-9)


def threshold_numpy(odds, y):
    odds, ill = np.asarray(odds), np.asarray(y) == 1
    tried = np.unique(odds)
    alarms = odds[None] > tried[:, None]
    return tried[np.argmax(alarms[:, ill].mean(1) - alarms[:, ~ill].mean(1))]


def area_sklearn(odds, y):
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(y.numpy(), odds.numpy()))


def area_ranks(odds, y):
    ranks = torch.from_numpy(stats.rankdata(odds.numpy()))
    ill, well = int((y == 1).sum()), int((y == 0).sum())
    return (ranks[y == 1].sum() - ill * (ill + 1) / 2) / (ill * well)


def mixed_loop(y, p, alpha):
    rows = alpha * p
    rows[range(len(y)), y] += 1 - alpha
    return rows


def mixed_lerp(y, p, alpha):
    return torch.lerp(F.one_hot(y, p.shape[1]).double(), p, alpha)


def ramp_numpy(progress, start, end):
    share = np.clip((progress.numpy() - start) / (end - start), 0, 1)
    return 0.5 - 0.5 * np.cos(np.pi * share)


def ramp_sine(progress, start, end):
    shares = [min(max((x - start) / (end - start), 0), 1) for x in progress.tolist()]
    return np.array([math.sin(math.pi / 2 * share) ** 2 for share in shares])


def beside_no_grad(s, t, y):
    with torch.no_grad():
        target = t.softmax(1)
    return F.cross_entropy(s, target) + F.cross_entropy(t, y)


def beside_by_hand(s, t, y):
    told = -(t.detach().softmax(1) * s.log_softmax(1)).sum(1).mean()
    return told - t.log_softmax(1)[range(len(y)), y].mean()


def hint_chosen(ours, theirs, mask):
    real = mask.bool()[:, None].expand_as(ours)
    return F.mse_loss(ours[real], theirs.detach()[real]) / 2


def masked_einsum(ours, theirs, mask):
    gap = ours - theirs.detach()
    total = torch.einsum("nchw,nchw,nhw->", gap, gap, mask.to(gap))
    return total / mask.sum() / gap.shape[1] / 2


def mutual_by_hand(z1, z2, y):
    q, p = z1.log_softmax(1), z2.detach().log_softmax(1)
    return (p.exp() * (p - q)).sum(1).mean() - q[range(len(y)), y].mean()


def mutual_no_grad(z1, z2, y):
    with torch.no_grad():
        p = torch.softmax(z2, 1)
    told = F.cross_entropy(z1, p) + (p * p.log()).sum(1).mean()
    return told + F.nll_loss(z1.log_softmax(1), y)


def angles_einsum(x):
    edges = x[None] - x[:, None]
    edges = edges / edges.norm(dim=2, keepdim=True).clamp_min(1e-9)
    return torch.einsum("ijd,ikd->ijk", edges, edges)


def angles_loop(x):
    x = x.numpy()
    found = np.zeros((len(x),) * 3)
    for i, j, k in np.ndindex(found.shape):
        a, b = x[j] - x[i], x[k] - x[i]
        if i not in (j, k):
            found[i, j, k] = a @ b / np.sqrt((a @ a) * (b @ b))
    return found


def pool_logsumexp(z, T):
    return T * (torch.logsumexp((z / T).log_softmax(-1), 0) - math.log(len(z)))


def pool_numpy(z, T):
    e = np.exp(z.numpy() / T)
    return T * np.log((e / e.sum(-1, keepdims=True)).mean(0))


def fair_loop(validation, test):
    return mean(t[v.index(max(v))] for v, t in zip(validation.tolist(), test.tolist(), strict=True))


def fair_gather(validation, test):
    return test.gather(1, validation.argmax(1, keepdim=True)).mean()


def calibration_loop(z, y, bins):
    confidence, answer = z.softmax(1).max(1)
    total = 0.0
    for k in range(bins):
        inside = (confidence > k / bins) & (confidence <= (k + 1) / bins)
        if inside.any():
            right = (answer == y)[inside].double().mean()
            total += float((confidence[inside].mean() - right).abs()) * float(inside.double().mean())
    return total


def calibration_numpy(z, y, bins):
    p = z.softmax(1).numpy()
    where = np.ceil(p.max(1) * bins).astype(int)
    gaps = p.max(1) - (p.argmax(1) == y.numpy())
    return sum(abs(gaps[where == k].sum()) for k in range(1, bins + 1)) / len(p)


def runs_search(gain, deviation):
    return next(n for n in range(1, 10_000) if 2 * deviation / math.sqrt(n) <= gain)


def runs_power(gain, deviation):
    return math.ceil(4 * deviation**2 * gain**-2)


def rounded_loop(weight, bits):
    out = torch.empty_like(weight)
    for o, row in enumerate(weight):
        step = float(max(row.abs())) / (2 ** (bits - 1) - 1)
        out[o] = torch.tensor([round(float(w) / step) * step for w in row], dtype=weight.dtype)
    return out


def rounded_numpy(weight, bits):
    levels, w = 2 ** (bits - 1) - 1, weight.numpy()
    largest = np.abs(w).max(1, keepdims=True)
    return np.rint(w * levels / largest) * largest / levels


def folded_torch(w, b, gamma, beta, mean, variance):
    layer, norm = torch.nn.Linear(w.shape[1], len(w)).double(), torch.nn.BatchNorm1d(len(w)).double().eval()
    with torch.no_grad():
        for mine, given in ((layer.weight, w), (layer.bias, b), (norm.weight, gamma), (norm.bias, beta)):
            mine.copy_(given)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
    fused = torch.nn.utils.fusion.fuse_linear_bn_eval(layer.eval(), norm)
    return fused.weight, fused.bias


def folded_probed(w, b, gamma, beta, mean, variance):
    def both(x):
        return gamma * (x @ w.T + b - mean) / torch.sqrt(variance + 1e-5) + beta

    at_zero = both(torch.zeros(1, w.shape[1], dtype=w.dtype))
    return (both(torch.eye(w.shape[1], dtype=w.dtype)) - at_zero).T, at_zero[0]


def averaged_repeated(gradients, counts):
    return gradients.repeat_interleave(counts.long(), dim=0).mean(0)


def averaged_product(gradients, counts):
    return (counts / counts.sum()) @ gradients


def averaged_numpy(gradients, counts):
    return np.average(gradients.numpy(), axis=0, weights=counts.numpy())


def joint_by_squares(counts, means, variances):
    share = counts / counts.sum()
    mean = share @ means
    return mean, share @ (variances + means**2) - mean**2


def joint_pairwise(counts, means, variances):  # Chan, Golub and LeVeque (1979)
    n, mean, squares = 0, 0.0, 0.0
    for more, other, spread in zip(counts.tolist(), means, variances, strict=True):
        apart, all_ = other - mean, n + more
        squares = squares + more * spread + apart**2 * n * more / all_
        n, mean = all_, mean + apart * more / all_
    return mean, squares / n


def reverse_torch(s, t):
    q = s.log_softmax(-1)
    return F.kl_div(t.log_softmax(-1).detach(), q, reduction="none", log_target=True).sum(-1).mean()


def reverse_by_entropies(s, t):
    q = s.softmax(-1).flatten(0, 1)
    return torch.special.xlogy(q, q).sum(1).mean() + F.cross_entropy(t.detach().flatten(0, 1), q.detach()) - (
        (q - q.detach()) * t.detach().flatten(0, 1).log_softmax(1)
    ).sum(1).mean()


def surprise_torch(z, tokens):
    nats = F.cross_entropy(z[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return nats.mean(0) / math.log(2)


def surprise_loop(z, tokens):
    found = []
    for i in range(tokens.shape[1] - 1):
        shares = z[:, i].softmax(-1)
        found.append(sum(-math.log2(shares[b, tokens[b, i + 1]]) for b in range(len(tokens))) / len(tokens))
    return torch.tensor(found)


def until_end_loop(tokens, end):
    found = torch.zeros_like(tokens, dtype=torch.bool)
    for b, text in enumerate(tokens.tolist()):
        for i, token in enumerate(text):
            found[b, i] = True
            if token == end:
                break
    return found


def until_end_place(tokens, end):
    ends = tokens == end
    last = torch.where(ends.any(1), ends.int().argmax(1), tokens.shape[1])
    return torch.arange(tokens.shape[1]) <= last[:, None]


def kept_torch(s, log_p, places):
    def outcomes(log_shares):
        return torch.cat([log_shares, (1 - log_shares.exp().sum(1, keepdim=True)).clamp(min=1e-12).log()], 1)

    q, p = outcomes(s.log_softmax(1).gather(1, places)), outcomes(log_p.detach())
    return F.kl_div(q, p, reduction="batchmean", log_target=True)


def kept_loop(s, log_p, places):
    total = 0
    for z, known, where in zip(s, log_p, places, strict=True):
        others = [i for i in range(len(z)) if i not in where.tolist()]
        rest, norm = (1 - known.exp().sum()).clamp(min=1e-12), z.logsumexp(0)
        total = total + sum(k.exp() * (k - z[i] + norm) for k, i in zip(known, where, strict=True))
        total = total + rest * (rest.log() - z[others].logsumexp(0) + norm)
    return total / len(s)


# In float32, as the pages' tensors are: with float64 these stop.


def likeness_float(p, y):
    members = F.one_hot(y, p.shape[1]).float()
    table = (members.T @ p) / members.sum(0)[:, None]
    return (table + table.T).fill_diagonal_(0)


def likeness_index_add(p, y):
    classes = p.shape[1]
    sums = torch.zeros(classes, classes).index_add_(0, y, p)
    table = sums / y.bincount(minlength=classes)[:, None]
    return (table + table.T).fill_diagonal_(0)


def likeness_scatter(p, y):
    sums = torch.zeros(p.shape[1], p.shape[1]).scatter_add_(0, y[:, None].expand_as(p), p)
    table = sums / torch.bincount(y)[:, None]
    return torch.triu(table + table.T, 1) + torch.tril(table + table.T, -1)


def masked_einsum_float(s, t, mask, T):
    log_p, log_q = F.log_softmax(t.detach() / T, -1), F.log_softmax(s / T, -1)
    each = (log_p.exp() * (log_p - log_q)).sum(-1)
    return T**2 * torch.einsum("bl,bl->", each, mask.float()) / mask.sum()


def bias_tensor_share(logits, digit, share):
    rest = torch.cat([logits[:, :digit], logits[:, digit + 1 :]], 1)
    return torch.quantile(rest.max(1).values - logits[:, digit], torch.tensor(share))


def norm_layer(x, mean, variance, scale, shift):
    layer = torch.nn.BatchNorm2d(x.shape[1]).eval()
    layer.load_state_dict(
        {"weight": scale, "bias": shift, "running_mean": mean, "running_var": variance}, strict=False
    )
    return layer(x)


def top_scatter(z, T, k):
    kept, at = (z / T).softmax(1).topk(k)
    others = torch.ones(z.shape).scatter_(1, at, 0.0)
    rest = (1 - kept.sum(1, keepdim=True)) / others.sum(1, keepdim=True)
    return (rest * others).float().scatter_(1, at, kept)


def mixed_lerp_float(y, p, alpha):
    return torch.lerp(F.one_hot(y, p.shape[1]).float(), p, alpha)


def hint_einsum_float(ours, theirs, mask):
    gap = (ours - theirs.detach()) ** 2
    return torch.einsum("nchw,nhw->", gap, mask.float()) / (2 * ours.shape[1] * mask.sum())


def calibration_index_add(z, y, bins):
    confidence, answer = z.softmax(1).max(1)
    group = (confidence * bins).ceil().long() - 1
    gaps = torch.zeros(bins).index_add_(0, group, confidence - (answer == y).float())
    return gaps.abs().sum() / len(y)


def surprise_einsum(z, tokens):
    told = F.one_hot(tokens[:, 1:], z.shape[-1]).float()
    return -torch.einsum("blk,blk->l", z[:, :-1].log_softmax(-1), told) / len(tokens) / math.log(2)


# Lists for tensors, and a tensor for several numbers.


def ramp_list(progress, start, end):
    shares = [min(max((float(x) - start) / (end - start), 0.0), 1.0) for x in progress]
    return [(1 - math.cos(math.pi * share)) / 2 for share in shares]


def surprise_list(z, tokens):
    log_p, texts = z.log_softmax(-1), range(len(z))
    places = range(1, tokens.shape[1])
    nats = [[-float(log_p[b, i - 1, tokens[b, i]]) for b in texts] for i in places]
    return [mean(here) / math.log(2) for here in nats]


def until_end_lists(tokens, end):
    return [[end not in text[:i] for i in range(len(text))] for text in tokens.tolist()]


def paired_stacked(a, b):
    d = a - b
    half = 2.776 * d.std() / math.sqrt(5)
    return torch.stack([d.mean(), d.mean() - half, d.mean() + half])


def joint_stacked(counts, means, variances):
    return torch.stack(joint_by_squares(counts, means, variances))


RIGHT = {
    "soften": (soften_by_hand, soften_numpy),
    "temperature_for": (temperature_newton, temperature_by_logarithm),
    "likeness": (likeness_onehot, likeness_loop, likeness_float, likeness_index_add, likeness_scatter),
    "kl": (kl_torch, kl_loop),
    "kd_term": (term_by_hand, term_by_entropies),
    "masked_term": (masked_weighted, masked_chosen, masked_einsum_float),
    "stored_batch": (batch_select, batch_loop),
    "paired_interval": (paired_scipy, paired_plain, paired_stacked),
    "seeds_for": (seeds_search, seeds_floor),
    "bias_for": (bias_bisected, bias_sorted, bias_tensor_share),
    "smoothed": (smoothed_full, smoothed_eye),
    "batch_norm": (norm_torch, norm_factored, norm_layer),
    "top_k": (top_loop, top_numpy, top_scatter),
    "predictive_value": (value_counts, value_odds),
    "best_threshold": (threshold_counts, threshold_numpy),
    "sorted_auroc": (area_sklearn, area_ranks),
    "mixed_target": (mixed_loop, mixed_lerp, mixed_lerp_float),
    "ramp": (ramp_numpy, ramp_sine, ramp_list),
    "side_by_side": (beside_no_grad, beside_by_hand),
    "masked_hint": (hint_chosen, masked_einsum, hint_einsum_float),
    "mutual": (mutual_by_hand, mutual_no_grad),
    "angles": (angles_einsum, angles_loop),
    "ensemble_logits": (pool_logsumexp, pool_numpy),
    "fair_score": (fair_loop, fair_gather),
    "calibration_error": (calibration_loop, calibration_numpy, calibration_index_add),
    "runs_for": (runs_search, runs_power),
    "rounded": (rounded_loop, rounded_numpy),
    "folded": (folded_torch, folded_probed),
    "reverse_kl": (reverse_torch, reverse_by_entropies),
    "surprise_by_position": (surprise_torch, surprise_loop, surprise_einsum, surprise_list),
    "until_end": (until_end_loop, until_end_place, until_end_lists),
    "kept_term": (kept_torch, kept_loop),
    "averaged": (averaged_repeated, averaged_product, averaged_numpy),
    "joint": (joint_by_squares, joint_pairwise, joint_stacked),
}
