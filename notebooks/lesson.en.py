# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Recurrent neural networks from scratch
#
# A character-level language model reads lyrics one character at a time, learns which character comes next, and then
# writes lyrics of its own. This notebook goes through the lesson "循环神经网络" of *Dive into Deep Learning* step by step,
# with the functions of [`zuoci.lesson`](../src/zuoci/lesson.py), which bear the lesson's own names. It computes every
# figure that it shows, and at the end asks what the lesson leaves unsaid: does such a network write, or remember?
#
# To run it: `python -m pip install -c constraints.txt '.[notebook]'` in a clone of zuoci, and any Jupyter. A minute or
# two on a laptop. Each part ends with exercises; their answers are folded away. [中文版](lesson.zh.ipynb)

# %%
import inspect
import itertools
import math
import re
import time

import torch
from torch import nn

import zuoci
from zuoci import lesson
from zuoci import lesson_plots as plots
from zuoci.lesson import (
    data_iter_consecutive,
    data_iter_random,
    get_params,
    grad_clipping,
    init_rnn_state,
    load_data_jay_lyrics,
    one_hot,
    predict_rnn,
    rnn,
    sgd,
    to_onehot,
    train_and_predict_rnn,
)

torch.set_num_threads(1)  # products this small gain nothing from threads, and the figures stay the same
device = torch.device("cpu")


def show(*functions):
    """Prints the code of functions, without their docstrings."""
    for function in functions:
        print(re.sub(r'    """.*?"""\n', "", inspect.getsource(function), count=1, flags=re.DOTALL))


# %% [markdown]
# ## 1. Characters become numbers
#
# `load_data_jay_lyrics` reads the lyrics, turns newlines into spaces, keeps the first 10,000 characters and numbers the
# different ones. Without a path it takes the lyrics that come with zuoci; the course's own
# `jaychou_lyrics.txt.zip` can be named instead.

# %%
corpus_indices, char_to_idx, idx_to_char, vocab_size = load_data_jay_lyrics()
text = "".join(idx_to_char[i] for i in corpus_indices)
print(f"{len(text):,} characters, {vocab_size:,} different ones")
print(text[:40])
print(corpus_indices[:20])

# %% [markdown]
# The lesson trains on all 10,000 characters with 256 hidden units for 250 epochs. So that this notebook runs in a
# minute, it takes a piece of the text, fewer units and fewer epochs, and keeps the last song of the piece apart, to test on.
# The lesson's own sizes stand in the comments: set them, or run `zuoci lesson` in a terminal, which has them.

# %%
size, apart = 3_135, 430  # six songs to train on, and one. The lesson: 10_000, 0
num_hiddens = 96  # 256
batch_size, num_steps = 8, 35  # 32, 35
num_epochs = 100  # 250
lr, clipping_theta = 100.0, 0.01

text = text[:size]
idx_to_char = sorted(set(text))
char_to_idx = {char: i for i, char in enumerate(idx_to_char)}
vocab_size = len(idx_to_char)
train_text, held_out_text = text[: size - apart], text[size - apart :]
train_indices = [char_to_idx[char] for char in train_text]
held_out_indices = [char_to_idx[char] for char in held_out_text]
print(f"{len(train_text):,} characters to train on, {len(held_out_text)} kept apart, {vocab_size} different ones")

# %% [markdown]
# ### Exercise
#
# 1. Why does `load_data_jay_lyrics` sort the vocabulary? What happens to a saved model if it does not?
#
# <details><summary>Answer</summary>
#
# The order of a set of strings depends on a secret that Python draws anew for each process. Unsorted, a character has
# another number on the next run, and the rows of a saved `W_xh` belong to other characters than before.
#
# ```python
# import subprocess
# import sys
#
# program = "print(''.join(set('想要有直升机')))"
# orders = {
#     subprocess.run(
#         [sys.executable, "-c", program], env={"PYTHONHASHSEED": str(seed), "PYTHONIOENCODING": "utf-8"},
#         capture_output=True, check=True,
#     ).stdout
#     for seed in range(1, 6)
# }
# assert len(orders) > 1
# ```
# </details>

# %% [markdown]
# ## 2. Numbers become vectors
#
# The number of a character says nothing about it: 20 is not twice 10. So each becomes a one-hot vector, with a one in
# the column of the character and zeros elsewhere.

# %%
show(one_hot, to_onehot)

# %%
word = "掉下来呀"
columns = sorted(set(word))
rows = one_hot(torch.tensor([columns.index(char) for char in word]), len(columns))
plots.matrices({f"one_hot: {tuple(rows.shape)}": rows}, rows=word, columns=columns)

# %% [markdown]
# A minibatch `(batch, steps)` becomes a list with one matrix `(batch, vocabulary)` for each time step. With the sizes of
# the lesson:

# %%
X = torch.arange(10).view(2, 5)
inputs = to_onehot(X, 1027)
print(len(inputs), inputs[0].shape, "sums of the rows:", inputs[0].sum(dim=1).tolist())

# %% [markdown]
# ### Exercise
#
# 1. `one_hot` writes its ones with `scatter_`. Write it in one line, without.
#
# <details><summary>Answer</summary>
#
# Row i of the identity matrix is the one-hot vector of i.
#
# ```python
# x = torch.tensor([3, 0, 3])
# assert torch.equal(torch.eye(5)[x], one_hot(x, 5))
# ```
# </details>

# %% [markdown]
# ## 3. Parameters and recurrence
#
# $$H_t = \tanh(X_t W_{xh} + H_{t-1} W_{hh} + b_h) \qquad O_t = H_t W_{hq} + b_q$$
#
# The hidden state $H_t$ carries what was read so far; the output $O_t$ holds the logits of the next character. The weights
# are the same at every step. Drawn step by step, the network that reads 想要有直 looks like this; above, in grey, what it
# should say.

# %%
plots.unrolled("想要有直", "要有直升")

# %%
show(get_params, rnn)

# %%
params = get_params(1027, 256, device, torch.Generator().manual_seed(0))
for name, param in zip(["W_xh", "W_hh", "b_h", "W_hq", "b_q"], params, strict=True):
    print(f"{name:5} {tuple(param.shape)!s:12} standard deviation {param.std().item():.4f}")

# %% [markdown]
# The state before the first character is zero. It is a tuple, so that cells with two states (the LSTM) fit in the same
# place.

# %%
state = init_rnn_state(2, 256, device)
outputs, new_state = rnn(inputs, state, params)
print(len(outputs), outputs[0].shape, "state:", len(new_state), new_state[0].shape)

# %% [markdown]
# ### Exercises
#
# 1. (From the course.) How many outputs does a recurrent network need to predict the next character?
# 2. (From the course.) Why can it express the probability of a character given *all* characters before it, though it
#    reads one at a time?
# 3. How many parameters are there, and how many of them depend on the vocabulary?
#
# <details><summary>Answers</summary>
#
# 1. One for each character of the vocabulary: their softmax is the distribution of the next character.
# 2. $H_t$ is a function of $X_t$ and $H_{t-1}$, which is a function of $X_{t-1}$ and $H_{t-2}$, and so on: the first
#    character reaches every output.
# 3. With V characters and H units, $2VH + V + H^2 + H$. All but $H^2 + H$ grow with the vocabulary.
#
# ```python
# first = inputs[0].clone().requires_grad_()
# late, _ = rnn([first, *inputs[1:]], state, params)
# late[4].sum().backward()
# assert first.grad.abs().sum() > 0  # the fifth output depends on the first character
# V, H = 1027, 256
# assert sum(param.numel() for param in params) == 2 * V * H + V + H**2 + H
# ```
# </details>

# %% [markdown]
# ## 4. Prediction
#
# `predict_rnn` reads an opening to warm the state, then appends the most probable character again and again. The cell is
# an argument, so that the GRU and the LSTM can take its place. An untrained network writes nonsense:

# %%
show(predict_rnn)

# %%
new_params = get_params(vocab_size, num_hiddens, device, torch.Generator().manual_seed(0))


def write(prefix, count, params, cell=rnn, init_state=init_rnn_state, hidden=num_hiddens):
    """What a network appends to an opening."""
    return predict_rnn(prefix, count, cell, params, init_state, hidden, vocab_size, device, idx_to_char, char_to_idx)


print(write("分开", 10, new_params))

# %% [markdown]
# A character that the vocabulary lacks has no number, and the lesson's function ends with a `KeyError`. (`zuoci lesson
# --prefix` names the character instead.)

# %%
try:
    write("分开 goodbye", 10, new_params)
except KeyError as error:
    print("KeyError:", error)

# %% [markdown]
# ### Exercise
#
# 1. `predict_rnn` feeds one character at a time and keeps the state. Show that reading the whole text anew before each
#    character gives the same, and say what it costs.
#
# <details><summary>Answer</summary>
#
# The state sums up all that was read, so both give the same text; but reading anew takes 1 + 2 + … + n steps instead of n.
#
# ```python
# written = "分开"
# for _ in range(10):
#     X = torch.tensor([[char_to_idx[char] for char in written]])
#     outputs, _ = rnn(to_onehot(X, vocab_size), init_rnn_state(1, num_hiddens, device), new_params)
#     written += idx_to_char[outputs[-1].argmax().item()]
# assert written == write("分开", 10, new_params)
# ```
# </details>

# %% [markdown]
# ## 5. Perplexity
#
# Perplexity is exp of the mean of −log p over the characters that really came. Four characters, and the probability that
# four models gave to each of them:

# %%
models = {
    "uniform over 8": [1 / 8, 1 / 8, 1 / 8, 1 / 8],
    "often right": [1 / 2, 1 / 2, 1 / 4, 1 / 4],
    "perfect": [1, 1, 1, 1],
    "one impossible": [1, 1, 1, 0],
}
for name, p in models.items():
    nll = [math.log(1 / value) if value else math.inf for value in p]
    mean = sum(nll) / len(nll)
    perplexity = math.exp(mean)
    print(
        f"{name:16} −log p {' '.join(f'{value:5.3f}' for value in nll)}  mean {mean:.3f}  perplexity {perplexity:.3f}"
    )

# %% [markdown]
# So a uniform guess among V characters has perplexity V, a perfect model 1, and a model that gives no chance to what comes
# has infinity, whatever else it gets right. Perplexity says among how many characters the model still hesitates. The
# untrained network hesitates among all of them:


# %%
@torch.no_grad()
def score(params, indices, cell=rnn, init_state=init_rnn_state, hidden=num_hiddens):
    """The perplexity of a text that is read in one go; nan if there is none."""
    if len(indices) < 2:
        return math.nan
    inputs = to_onehot(torch.tensor([indices[:-1]]), vocab_size)
    outputs, _ = cell(inputs, init_state(1, hidden, device), params)
    return math.exp(nn.functional.cross_entropy(torch.cat(outputs), torch.tensor(indices[1:])))


print(f"vocabulary {vocab_size}, perplexity of the untrained network {score(new_params, train_indices):.1f}")

# %% [markdown]
# ### Exercises
#
# 1. Model A gives 0.97 to three characters in four and 0.0001 to the fourth. Model B gives 1/4 to each. Which one has the
#    lower perplexity?
# 2. What is exp of a mean of 800 nats in Python, and what does the lesson print then?
#
# <details><summary>Answers</summary>
#
# 1. B, though A is nearly always right: a confident mistake is dear.
# 2. An `OverflowError`. `train_and_predict_rnn` takes the mean as 700 at most, so that a run that goes wrong prints a huge
#    number and goes on.
#
# ```python
# a = math.exp(-(3 * math.log(0.97) + math.log(0.0001)) / 4)
# assert a > 4
# try:
#     math.exp(800)
# except OverflowError:
#     overflowed = True
# assert overflowed and math.isfinite(math.exp(700))
# ```
# </details>

# %% [markdown]
# ## 6. Clipping
#
# The gradient comes back through as many products with $W_{hh}$ as there are time steps, and may grow with each. Clipping
# takes all gradients as one vector $g$ and shortens it to at most θ: $g \leftarrow \min(\theta / \lVert g \rVert, 1)\, g$.
# Here is the lesson's inner loop, with a note of the gradient's norm at each step, with and without clipping.


# %%
show(grad_clipping, sgd)


# %%
def gradient_norms(theta, steps, lr=lr):
    """The norm of the gradient at each step, before clipping, and the loss."""
    params = get_params(vocab_size, num_hiddens, device, torch.Generator().manual_seed(0))
    norms, losses = [], []
    while len(norms) < steps:
        for X, Y in data_iter_random(train_indices, batch_size, num_steps, device, torch.Generator().manual_seed(1)):
            outputs, _ = rnn(to_onehot(X, vocab_size), init_rnn_state(batch_size, num_hiddens, device), params)
            loss = nn.functional.cross_entropy(torch.cat(outputs), Y.t().reshape(-1))
            for param in params:
                param.grad = None
            loss.backward()
            norms.append(math.sqrt(sum((param.grad**2).sum().item() for param in params)))
            losses.append(loss.item())
            grad_clipping(params, theta, device)
            sgd(params, lr, 1)
    return norms[:steps], losses[:steps]


with_clipping, loss_with = gradient_norms(clipping_theta, 60)
without_clipping, loss_without = gradient_norms(math.inf, 60)
steps = list(range(1, 61))
print(f"loss after 60 steps: with clipping {loss_with[-1]:.2f}, without {loss_without[-1]:.4g}")
print(f"uniform guess: {math.log(vocab_size):.2f}")
plots.curves(
    {"with clipping": (steps, with_clipping), "without": (steps, without_clipping)}, "step", "norm of the gradient"
)

# %% [markdown]
# Without clipping the first steps throw the parameters so far that the loss is many times that of a guess. With
# clipping a step is never longer than the learning rate times θ: 100 × 0.01 = 1. That is why a learning rate of 100 is not
# absurd here.
#
# ### Exercises
#
# 1. Does clipping turn the gradient?
# 2. (From the course.) Train without clipping, as the lesson's loop would. What happens, and does a lower learning rate
#    help?
#
# <details><summary>Answers</summary>
#
# 1. No: every part is multiplied by the same number, so only the length changes.
# 2. With a learning rate of 100 the loss explodes (the picture above). With 0.5 the run survives without clipping, but it
#    learns slowly: plain gradients of this network are small, and clipping lets each step have a good length.
#
# ```python
# parameter = torch.zeros(3, requires_grad=True)
# parameter.grad = torch.tensor([3.0, 0.0, 4.0])
# grad_clipping([parameter], 1.0, device)
# assert torch.allclose(parameter.grad, torch.tensor([0.6, 0.0, 0.8]))
# _, gentle = gradient_norms(math.inf, 60, lr=0.5)
# assert max(loss_without) > 2 * math.log(vocab_size)
# assert loss_with[-1] < gentle[-1] < math.log(vocab_size)
# ```
# </details>

# %% [markdown]
# ## 7. Two ways to sample minibatches
#
# Below, the beginning of the text in rows of 35 characters. Each colour is one minibatch of four examples, of 7
# characters each. **Random**: the examples of a minibatch come from anywhere, and the next minibatch has nothing to do
# with it. So the state starts at zero in each.

# %%
show(data_iter_random)

# %%
shown = train_indices[:281]


def coloured(batches, wanted=5):
    """Rows of text; each character has the number of its minibatch."""
    numbers = [None] * len(shown)
    for number, (X, _) in zip(range(wanted), batches, strict=False):
        for i in X.flatten().tolist():
            numbers[i] = number
    return [(train_text[i : i + 35], numbers[i : i + 35]) for i in range(0, 280, 35)]


places = list(range(len(shown)))  # places in the text in the place of characters: so they show where they come from
plots.coloured_text(
    coloured(data_iter_random(places, 4, 7, device, torch.Generator().manual_seed(0))), "random: five minibatches"
)

# %% [markdown]
# **Consecutive**: the text is cut into as many lanes as a minibatch has examples (here four, of two rows each). Each
# minibatch continues every lane where the one before ended. So the state is carried on.

# %%
show(data_iter_consecutive)

# %%
plots.coloured_text(coloured(data_iter_consecutive(places, 4, 7, device)), "consecutive: five minibatches")

# %% [markdown]
# Carried on, but *detached*: its value goes into the next minibatch, the gradient does not come back out of it.
# Otherwise each step would have to go back to the beginning of the epoch. That is truncated backpropagation through
# time: dashed, the way of the gradient; it ends at the red line.

# %%
plots.unrolled("想要有直升机", "要有直升机，", cuts=[3], note="detach(): the state goes on, the gradient ends here")

# %%
(X1, _), (X2, _), *_ = data_iter_consecutive(places, 4, 7, device)
print("consecutive: the next minibatch begins one character later:", torch.equal(X2[:, 0], X1[:, -1] + 1))
(X1, _), (X2, _), *_ = data_iter_random(places, 4, 7, device, torch.Generator().manual_seed(0))
print("random:", torch.equal(X2[:, 0], X1[:, -1] + 1))

# %% [markdown]
# ### Exercises
#
# 1. (From the course.) Which other ways to sample minibatches are there?
# 2. (From the course.) If every example shall be a whole sentence, what problem does that bring?
# 3. (From the course.) Do not detach the state in consecutive sampling. What happens?
# 4. The state is a tuple. Why does `state.detach_()` not work?
#
# <details><summary>Answers</summary>
#
# 1. For instance: begin at a random place each epoch. The cuts of the examples then differ from epoch to epoch, and no
#    character always stands at the beginning of an example, where the network knows nothing before it.
# 2. Sentences have different lengths, a matrix has one. The short ones must be filled up, and the filling must not count
#    in the loss. Below, the share of a minibatch that is filling.
# 3. The graph of each minibatch hangs on the one before. `backward` frees the graph, so in PyTorch the second minibatch
#    ends in an error; kept (`retain_graph=True`), the graph grows with every minibatch, and so do time and memory.
# 4. A tuple has no such method. Detach each part: `tuple(s.detach() for s in state)`.
#
# ```python
# firsts = set()
# for _ in range(20):
#     offset = torch.randint(num_steps, ()).item()
#     firsts.update(i.item() for X, _ in data_iter_random(places[offset:], 2, num_steps, device) for i in X[:, 0])
# always = {i.item() for _ in range(20) for X, _ in data_iter_random(places, 2, num_steps, device) for i in X[:, 0]}
# assert len(firsts) > 2 * len(always)
#
# lines = [line for line in train_text.split(" ") if line][:32]
# longest = max(len(line) for line in lines)
# filling = 1 - sum(len(line) for line in lines) / (longest * len(lines))
# assert 0.2 < filling < 0.9
#
#
# def nodes(tensor):
#     seen, todo = set(), [tensor.grad_fn]
#     while todo:
#         node = todo.pop()
#         if node is not None and node not in seen:
#             seen.add(node)
#             todo += [before for before, _ in node.next_functions]
#     return len(seen)
#
#
# params = get_params(vocab_size, 16, device, torch.Generator().manual_seed(0))
# state, counts = init_rnn_state(2, 16, device), []
# for X, Y in data_iter_consecutive(train_indices[:200], 2, 5, device):
#     outputs, state = rnn(to_onehot(X, vocab_size), state, params)
#     loss = nn.functional.cross_entropy(torch.cat(outputs), Y.t().reshape(-1))
#     counts.append(nodes(loss))
# assert counts[9] > 4 * counts[0]  # the graph of the tenth minibatch holds all those before
# nn.functional.cross_entropy(outputs[-1], Y[:, -1]).backward()
# try:
#     rnn(to_onehot(X, vocab_size), state, params)[0][0].sum().backward()
# except RuntimeError as error:
#     assert "backward through the graph a second time" in str(error)
#
# try:
#     state.detach_()
# except AttributeError:
#     state = tuple(s.detach() for s in state)
# assert state[0].grad_fn is None
# ```
# </details>

# %% [markdown]
# ## 8. The two runs
#
# Everything comes together in `train_and_predict_rnn`: for each minibatch the loss over all steps, its gradients,
# clipping, a step of gradient descent; now and then the perplexity of an epoch and a text for each opening. During the
# first run we also note the perplexity of the text that was kept apart, and keep the parameters of an early epoch, both
# for part 9.


# %%
show(train_and_predict_rnn)


# %%
def train(params, is_random_iter, epochs, *, prefixes=(), on_epoch=None, pred_period=None, **more):
    """The lesson's training function on our text."""
    cell, init_state = more.get("cell", rnn), more.get("init_state", init_rnn_state)
    train_and_predict_rnn(
        cell, lambda: params, init_state, more.get("hidden", num_hiddens), vocab_size, device, train_indices,
        idx_to_char, char_to_idx, is_random_iter, epochs, more.get("num_steps", num_steps), more.get("lr", lr),
        clipping_theta, batch_size, pred_period or epochs, 50, prefixes, torch.Generator().manual_seed(0), on_epoch,
    )  # fmt: skip


random_params = get_params(vocab_size, num_hiddens, device, torch.Generator().manual_seed(0))
random_perplexity, held_out_perplexity, early_params = [], {}, []


def note(epoch, perplexity):
    """Keeps what the run shows on its way."""
    random_perplexity.append(perplexity)
    if epoch <= 10 or epoch % 5 == 0:
        held_out_perplexity[epoch] = score(random_params, held_out_indices)
    if epoch == num_epochs // 5:
        early_params.extend(param.detach().clone() for param in random_params)


train(random_params, True, num_epochs, prefixes=["分开", "不分开"], on_epoch=note, pred_period=num_epochs // 5)

# %%
consecutive_params = get_params(vocab_size, num_hiddens, device, torch.Generator().manual_seed(0))
consecutive_perplexity = []
start = time.process_time()
train(
    consecutive_params,
    False,
    num_epochs,
    prefixes=["分开", "不分开"],
    on_epoch=lambda epoch, perplexity: consecutive_perplexity.append(perplexity),
    pred_period=num_epochs // 5,
)
lesson_seconds = time.process_time() - start

# %% [markdown]
# The curves, beside the figures that the lesson prints for its own, larger runs on its own lyrics (circles). In the
# lesson consecutive sampling is ahead at every report: its state does not start from nothing every 35 characters. How
# often it is ahead here is counted below the picture.

# %%
epochs = list(range(1, num_epochs + 1))
names = {"random": "random sampling", "consecutive": "consecutive sampling"}
plots.curves(
    {
        "random sampling, here": (epochs, random_perplexity),
        "consecutive sampling, here": (epochs, consecutive_perplexity),
    },
    "epoch",
    "perplexity of the training text",
    dots={
        f"{names[name]}, printed in the lesson": (list(printed), list(printed.values()))
        for name, printed in plots.PRINTED_PERPLEXITIES.items()
    },
)

# %%
for name, printed in plots.PRINTED_PERPLEXITIES.items():
    print(
        f"{names[name]:20} in the lesson:", ", ".join(f"epoch {epoch}: {value:.2f}" for epoch, value in printed.items())
    )
for name, values in (("random", random_perplexity), ("consecutive", consecutive_perplexity)):
    fifths = range(num_epochs // 5, num_epochs + 1, num_epochs // 5)
    print(f"{names[name]:20} here:         ", ", ".join(f"epoch {epoch}: {values[epoch - 1]:.2f}" for epoch in fifths))
ahead = sum(a < b for a, b in zip(consecutive_perplexity, random_perplexity, strict=True))
print(f"consecutive is ahead in {ahead} of {num_epochs} epochs")

# %% [markdown]
# ### Exercises, all from the course
#
# 1. Change the hyperparameters. What becomes of time, perplexity and texts?
# 2. Set `pred_period` to 1. How does a model write that has hardly learned?
# 3. Put ReLU in the place of tanh.
#
# <details><summary>Answers</summary>
#
# 1. Fewer hidden units: faster, and a higher perplexity after as many epochs. Longer examples mean fewer minibatches and
#    so fewer steps in an epoch: again a higher perplexity after as many epochs. A learning rate of 1 instead of 100 hardly
#    moves, since a step has at most the length 1 × 0.01.
# 2. First it learns which characters are frequent, and writes the most frequent one again and again, the space; then
#    pairs, then words, then whole lines. Each is a way to lower the loss with what has been learned so far.
# 3. It works too, at this learning rate with clipping. Unlike tanh, ReLU does not keep the state within −1 and 1: look at
#    the first of the perplexities that are printed. Clipping brings the run back.
#
# ```python
# def after(epochs, cell=rnn, hidden=48, **more):
#     """The last perplexity of a short run, and its texts."""
#     params = get_params(vocab_size, hidden, device, torch.Generator().manual_seed(0))
#     told = []
#     def note(epoch, perplexity):
#         told.append((perplexity, write("分开", 12, params, cell, hidden=hidden)))
#     train(params, True, epochs, hidden=hidden, cell=cell, on_epoch=note, **more)
#     return told
#
#
# usual = after(8)
# assert after(8, hidden=8)[-1][0] > usual[-1][0]
# assert after(8, num_steps=70)[-1][0] > usual[-1][0]
# assert after(8, lr=1.0)[-1][0] > usual[-1][0]
# assert set(usual[0][1][2:]) == {" "}  # after one epoch: the most frequent character
#
#
# def relu_rnn(inputs, state, params):
#     W_xh, W_hh, b_h, W_hq, b_q = params
#     (H,) = state
#     outputs = []
#     for X in inputs:
#         H = torch.relu(X @ W_xh + H @ W_hh + b_h)
#         outputs.append(H @ W_hq + b_q)
#     return outputs, (H,)
#
#
# relu = after(8, cell=relu_rnn)
# print("ReLU:", [round(perplexity) for perplexity, _ in relu])
# assert relu[-1][0] < vocab_size / 2
# inputs = to_onehot(torch.tensor([train_indices[:8]]), vocab_size)
# unbounded = [W * 100 for W in get_params(vocab_size, 48, device, torch.Generator().manual_seed(0))]
# zero = init_rnn_state(1, 48, device)
# assert relu_rnn(inputs, zero, unbounded)[1][0].abs().max() > 1 >= rnn(inputs, zero, unbounded)[1][0].abs().max()
# ```
# </details>

# %% [markdown]
# ## 9. What the lesson leaves unsaid
#
# ### Does it learn the language, or the text?
#
# The perplexities above are those of the text that was trained on. On the text that was kept apart, the same run looks
# like this:

# %%
best_epoch = min(held_out_perplexity, key=held_out_perplexity.get)
print(f"last epoch: training {random_perplexity[-1]:.2f}, held out {held_out_perplexity[num_epochs]:,.0f}")
print(f"best held out: {held_out_perplexity[best_epoch]:.0f}, after epoch {best_epoch}; vocabulary {vocab_size}")
plots.curves(
    {
        "training text": (epochs, random_perplexity),
        "held-out text": (list(held_out_perplexity), list(held_out_perplexity.values())),
    },
    "epoch",
    "perplexity",
)

# %% [markdown]
# After its best epoch the network gets better at the text that it reads and worse at the one that it does not. A training
# perplexity near 1 says that a text was learned by heart, nothing else. (That is why `zuoci train` holds songs out by
# itself, keeps the weights of the best epoch and prints both figures.)
#
# ### How much is copied?
#
# What the two trained networks write, with every stretch of 6 characters or more that stands word for word in the training
# text in colour. In the last row, for comparison, what a person wrote: the beginning of the song that was kept apart.

# %%
index = zuoci.CorpusIndex(zuoci.Corpus((zuoci.Song("lyrics", train_text),)))


def copied(written, least=6):
    """The characters that lie in a copied stretch have the number of the stretch, others None; and the share."""
    found = zuoci.originality(written, index, least=least)
    numbers = [None] * len(written)
    for k, span in enumerate(found.spans):
        numbers[span.start : span.start + span.length] = [k] * span.length
    return (written, numbers), found


written = {
    "random": write("分开", 40, random_params)[2:],
    "consecutive": write("分开", 40, consecutive_params)[2:],
    "a person": held_out_text[:40],
}
for name, sample in written.items():
    _, found = copied(sample)
    print(f"{name}: {found.coverage:.0%} in copied stretches, the longest has {found.longest_copied} characters")
plots.coloured_text([copied(sample)[0] for sample in written.values() if sample], "copied word for word: in colour")

# %% [markdown]
# ### Greedy loops, and what temperature does
#
# `predict_rnn` always takes the most probable character. Where that leads back to a state like an earlier one, it goes
# round for ever, above all early in training. Drawing from the distribution breaks the loop. The temperature T sharpens
# (below 1) or flattens (above 1) it: $p \propto \exp(O / T)$.


# %%
@torch.no_grad()
def draw(prefix, count, params, temperature, seed=0):
    """A text that is drawn character by character."""
    generator = torch.Generator().manual_seed(seed)
    state = init_rnn_state(1, num_hiddens, device)
    written = prefix
    for char in prefix[:-1]:
        _, state = rnn(to_onehot(torch.tensor([[char_to_idx[char]]]), vocab_size), state, params)
    for _ in range(count):
        (output,), state = rnn(to_onehot(torch.tensor([[char_to_idx[written[-1]]]]), vocab_size), state, params)
        p = torch.softmax(output[0] / temperature, 0)
        written += idx_to_char[torch.multinomial(p, 1, generator=generator).item()]
    return written


def nll(written, params):
    """−log p of each character after the first, on average, in nats."""
    return math.log(score(params, [char_to_idx[char] for char in written]))


def repeated(written):
    """The share of the stretches of 4 characters that came before in the same text."""
    stretches = [written[i : i + 4] for i in range(len(written) - 3)]
    return 1 - len(set(stretches)) / len(stretches)


samples = {"greedy": write("分开", 200, early_params)}
samples |= {f"T = {t}": draw("分开", 200, early_params, t) for t in (0.3, 0.6, 1.0, 1.5)}
for name, sample in samples.items():
    print(f"{name:8} {nll(sample, early_params):4.2f} nats a character  {sample[:40]}")
plots.bars(
    {name: 100 * repeated(sample) for name, sample in samples.items()},
    f"% of 4-character stretches that are repeated (epoch {num_epochs // 5})",
)

# %% [markdown]
# The price of drawing is in the second column: the higher the temperature, the less probable are the characters that the
# network writes, by its own judgement. Repetitions and improbable characters have to be weighed against each other.
#
# ### Vanishing gradients
#
# How much does the state after t characters still depend on the state before the first? Below, the norm of the derivative
# $\partial h_t / \partial s_0$ for the three cells, each trained for a few epochs (s is the whole state: for the LSTM h
# and c). "Gate open": the same GRU and LSTM, with 4 added to the bias of the gate that keeps the state.


# %%
def memory(cell, params, state, indices):
    """The norm of the derivative of the hidden state after each character by the first state."""
    width, parts = state[0].shape[1], len(state)

    def step(s, i):
        _, new = cell(to_onehot(torch.tensor([[i]]), vocab_size), s.split(width, dim=1), params)
        return torch.cat(new, 1)

    s = torch.cat(state, 1)
    product, norms = torch.eye(parts * width), []
    for i in indices:
        jacobian = torch.autograd.functional.jacobian(lambda s, i=i: step(s, i), s)[0, :, 0, :]
        product = jacobian @ product
        norms.append(product[:width].norm().item())
        s = step(s, i).detach()
    return norms


cells = {
    "rnn": (rnn, get_params, init_rnn_state),
    "gru": (lesson.gru, lesson.get_gru_params, lesson.init_gru_state),
    "lstm": (lesson.lstm, lesson.get_lstm_params, lesson.init_lstm_state),
}
open_gate = {"gru": 2, "lstm": 5}  # the places of b_z, which keeps the state, and of b_f, which does not forget
remembered = {}
for name, (cell, get_cell_params, init_state) in cells.items():
    params = get_cell_params(vocab_size, 32, device, torch.Generator().manual_seed(0))
    train(params, False, 12, cell=cell, init_state=init_state, hidden=32)
    remembered[name] = memory(cell, params, init_state(1, 32, device), train_indices[:30])
    if name in open_gate:
        params[open_gate[name]].data += 4
        remembered[f"{name}, gate open"] = memory(cell, params, init_state(1, 32, device), train_indices[:30])
for name, norms in remembered.items():
    print(f"after 5 characters {norms[4]:.1e}, after 30 {norms[29]:.1e}: {name}")
fresh_params = lesson.get_gru_params(vocab_size, 32, device, torch.Generator().manual_seed(0))
fresh = memory(lesson.gru, fresh_params, init_rnn_state(1, 32, device), train_indices[:10])
print(f"gru before training: each character leaves {fresh[9] / fresh[8]:.2f} of the derivative")
plots.curves(
    {name: (list(range(1, 31)), norms) for name, norms in remembered.items()},
    "characters read",
    "norm of the derivative",
)

# %% [markdown]
# The derivative is a product of one matrix for each step, and shrinks like a power. What comes back to a character long
# ago is nearly nothing, so the network cannot learn from it. A gate alone does not change that: fresh from the lesson's
# initial weights it is half open, and each character halves what came before. But it *can* open, as 4 added to its bias
# shows, and then the derivative stays what it was, with a matrix product at each step all the same.
#
# ### One hidden unit
#
# Which unit marks the beginning of a line (the first character after a space) most clearly? Its value at each character,
# from blue (−1) to red (+1):

# %%
passage = train_text[:140]
state, values = init_rnn_state(1, num_hiddens, device), []
with torch.no_grad():
    for char in passage:
        _, state = rnn(to_onehot(torch.tensor([[char_to_idx[char]]]), vocab_size), state, random_params)
        values.append(state[0][0])
hidden_states = torch.stack(values)
begins = torch.tensor([float(i == 0 or passage[i - 1] == " ") for i in range(len(passage))])
correlations = torch.corrcoef(torch.cat([begins[None], hidden_states.t()]))[0, 1:]
unit = correlations.abs().argmax().item()
print(f"unit {unit} of {num_hiddens}: correlation with beginnings of lines {correlations[unit]:.2f}")
plots.coloured_text(
    [(passage[i : i + 35], hidden_states[i : i + 35, unit].tolist()) for i in range(0, 140, 35)],
    f"unit {unit}",
    palette="RdBu_r",
)

# %% [markdown]
# Nobody told it what a line is, and no unit says it exactly: the correlation is not quite −1 or 1. (The studio,
# `zuoci studio`, shows every unit of a model like this.)
#
# ### One-hot times matrix is a row look-up
#
# A one-hot row has a single one, so its product with a matrix is one row of the matrix: V × H multiplications to copy H
# numbers.

# %%
small = torch.randn(len(columns), 6, generator=torch.Generator().manual_seed(0))
plots.matrices({"X": rows, "W": small, "X W": rows @ small}, rows=word, columns=columns)

# %%
ids = torch.tensor(train_indices[:280])
W_xh = random_params[0].detach()
print("the same:", torch.equal(one_hot(ids, vocab_size) @ W_xh, W_xh[ids]))


def milliseconds(function, repeats=20):
    """The median processor time of a call."""
    times = []
    for _ in range(repeats):
        start = time.process_time_ns()
        function()
        times.append((time.process_time_ns() - start) / 1e6)
    return sorted(times)[repeats // 2]


plots.bars(
    {
        "one_hot(ids, V) @ W": milliseconds(lambda: one_hot(ids, vocab_size) @ W_xh),
        "W[ids]": milliseconds(lambda: W_xh[ids]),
    },
    "ms for 280 characters",
    digits=3,
)

# %% [markdown]
# ### A ladder to the fast engine
#
# Each rung changes one thing in a training step (forward, backward, clipping, update) of the same network, in the lesson's
# own size: 256 units, minibatches of 32 × 35. The last two are steps of `zuoci.train`, with its own backward pass, in
# float32 and in the precision that it chooses for this processor; their update is AdamW's, which does more for each weight
# than plain gradient descent. Measured in processor time while the notebook ran.


# %%
def lesson_outputs(X, state, params):
    """The lesson: one-hot vectors, step by step."""
    return torch.cat(rnn(to_onehot(X, vocab_size), state, params)[0])


def look_up_outputs(X, state, params):
    """Rows in the place of one-hot products."""
    W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs = []
    for x in X.t():
        H = torch.tanh(W_xh[x] + H @ W_hh + b_h)
        outputs.append(H @ W_hq + b_q)
    return torch.cat(outputs)


def hoisted_outputs(X, state, params):
    """Also: everything that does not wait for the state is computed for all steps at once."""
    W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    before, states = (W_xh + b_h)[X.t()], []
    for x in before:
        H = torch.tanh(x + H @ W_hh)
        states.append(H)
    return torch.cat(states) @ W_hq + b_q


def step_milliseconds(outputs_of):
    """The time of one training step."""
    params = get_params(vocab_size, 256, device, torch.Generator().manual_seed(0))
    X, Y = next(data_iter_random(train_indices, 32, 35, device, torch.Generator().manual_seed(0)))
    state = init_rnn_state(32, 256, device)

    def step():
        loss = nn.functional.cross_entropy(outputs_of(X, state, params), Y.t().reshape(-1))
        for param in params:
            param.grad = None
        loss.backward()
        grad_clipping(params, clipping_theta, device)
        sgd(params, lr, 1)

    return milliseconds(step)


rungs = {
    "the lesson": step_milliseconds(lesson_outputs),
    "rows looked up": step_milliseconds(look_up_outputs),
    "products of all steps at once": step_milliseconds(hoisted_outputs),
}
corpus = zuoci.Corpus((zuoci.Song("lyrics", train_text),))
sizes = {"hidden_size": 256, "batch_size": 32, "seq_len": 35, "validation": 0.0, "threads": 1, "epochs": 12}
for precision in ("float32", "auto"):
    settings = zuoci.resolve("fast", {**sizes, "precision": precision})
    times = [
        time.process_time() for r in zuoci.train(corpus, settings, device="cpu") if isinstance(r, zuoci.StepReport)
    ]
    taken = sorted(1000 * (after - before) for before, after in itertools.pairwise(times))
    rungs[f"zuoci.train, {precision}"] = taken[len(taken) // 2]
plots.bars({name: 1000 * 32 * 35 / ms for name, ms in rungs.items()}, "characters a second, one thread")

# %%
X = torch.tensor([train_indices[:35]])
state = init_rnn_state(1, num_hiddens, device)
with torch.no_grad():
    ladder = [outputs(X, state, random_params) for outputs in (lesson_outputs, look_up_outputs, hoisted_outputs)]
print("the same outputs:", all(torch.allclose(ladder[0], other, atol=1e-5) for other in ladder[1:]))

# %% [markdown]
# The other half of the gain is the number of steps: orthogonal initial weights and Adam in the place of plain gradient descent
# need far fewer epochs. To the perplexity of the second run above, with the same sizes:

# %%
target = consecutive_perplexity[-1]
same = {"hidden_size": num_hiddens, "batch_size": batch_size, "seq_len": num_steps, "sampling": "consecutive"}
settings = zuoci.resolve("fast", {**sizes, **same, "epochs": num_epochs, "until_perplexity": target})
start = time.process_time()
*_, end = zuoci.train(corpus, settings, device="cpu")
fast_seconds = time.process_time() - start
print(f"perplexity {target:.2f}: the lesson {num_epochs} epochs, {lesson_seconds:.1f} s;", end=" ")
print(f"zuoci.train {end.epochs:.0f} epochs, {fast_seconds:.1f} s")
plots.bars(
    {"the lesson": lesson_seconds, "zuoci.train": fast_seconds}, "s of processor time to the same perplexity", digits=1
)

# %% [markdown]
# ### Exercises
#
# 1. After which epoch would you have stopped the run of part 8, and by how much do the last epochs spoil the held-out
#    perplexity?
# 2. Top-k sampling draws from the k most probable characters only. Write it, and check that k = 1 is greedy.
# 3. At a temperature of 1, how much does the *fully* trained network copy, compared with greedy?
#
# <details><summary>Answers</summary>
#
# 1. After the one with the lowest held-out perplexity, `best_epoch`: after it, training perplexity still falls and the
#    held-out one rises.
# 2. Set the logits of all others to −∞ before the softmax.
# 3. Less, but far from nothing: the distribution itself has learned the text by heart.
#
# ```python
# assert held_out_perplexity[num_epochs] > held_out_perplexity[best_epoch]
#
#
# @torch.no_grad()
# def draw_top(prefix, count, params, k):
#     generator = torch.Generator().manual_seed(0)
#     state, written = init_rnn_state(1, num_hiddens, device), prefix
#     for t in range(count + len(prefix) - 1):
#         (output,), state = rnn(to_onehot(torch.tensor([[char_to_idx[written[t]]]]), vocab_size), state, params)
#         if t >= len(prefix) - 1:
#             least = output[0].topk(k).values[-1]
#             p = torch.softmax(output[0].masked_fill(output[0] < least, -math.inf), 0)
#             written += idx_to_char[torch.multinomial(p, 1, generator=generator).item()]
#     return written
#
#
# assert draw_top("分开", 40, random_params, 1) == write("分开", 40, random_params)
# assert draw_top("分开", 40, random_params, 5) != write("分开", 40, random_params)
#
# greedy = copied(write("分开", 200, random_params)[2:])[1].coverage
# drawn = [copied(draw("分开", 200, random_params, 1.0, seed)[2:])[1].coverage for seed in range(5)]
# assert 0 < sum(drawn) / len(drawn) < greedy
# ```
# </details>

# %% [markdown]
# ## Where to read on
#
# - The course goes on with gated units, long short-term memory, and `nn.RNN`. `lesson.gru` and `lesson.lstm` take the place of
#   `rnn` in every function above. [docs/lesson.md](../docs/lesson.md) says which name of the lesson corresponds to which of
#   PyTorch and zuoci.
# - `zuoci lesson --explain` is this notebook in the terminal, in the lesson's own size.
# - `zuoci train my-folder/` goes past part 9: it holds songs out, keeps the best weights, and starts from a base model.
#   `zuoci write` keeps form and rhyme, and `--max-copy` sets how much may be copied in a row.
