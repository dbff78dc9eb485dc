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
# # 从零写循环神经网络
#
# 字符级语言模型一个字一个字地读歌词，学着猜下一个字是什么，然后自己写。这个笔记本把《动手学深度学习》里“循环神经网络”那一课一步一步走一遍，用的是 [`zuoci.lesson`](../src/zuoci/lesson.py) 里的函数，名字都和那一课相同。这里出现的每个数字都是当场算出来的。最后还要问那一课没有问的：这样的网络是在写，还是在背？
#
# 怎么运行：在 zuoci 的克隆里 `python -m pip install -c constraints.txt '.[notebook]'`，再用任何一种 Jupyter 打开。笔记本电脑上一两分钟跑完。每一部分后面有练习，答案折叠着。[English](lesson.en.ipynb)

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

torch.set_num_threads(1)  # 这么小的乘法，多线程快不了，而且这样数字每次都相同
device = torch.device("cpu")


def show(*functions):
    """打印函数的代码，不带文档字符串。"""
    for function in functions:
        print(re.sub(r'    """.*?"""\n', "", inspect.getsource(function), count=1, flags=re.DOTALL))


# %% [markdown]
# ## 1. 把字变成数
#
# `load_data_jay_lyrics` 读进歌词，把换行换成空格，留下前 10,000 个字，给不同的字编上号。不给路径，就用 zuoci 自带的歌词；也可以给它课程自己的 `jaychou_lyrics.txt.zip`。

# %%
corpus_indices, char_to_idx, idx_to_char, vocab_size = load_data_jay_lyrics()
text = "".join(idx_to_char[i] for i in corpus_indices)
print(f"{len(text):,} 个字，{vocab_size:,} 个不同的")
print(text[:40])
print(corpus_indices[:20])

# %% [markdown]
# 那一课用全部 10,000 个字、256 个隐藏单元训练 250 轮。为了让笔记本在一分钟左右跑完，这里只取一段歌词，单元少些，轮数也少些，并且把这一段的最后一首歌留出来，用来检验。那一课自己的数字写在注释里：可以改回去，也可以在终端运行 `zuoci lesson`，那里就是原来的大小。

# %%
size, apart = 3_135, 430  # 六首歌训练，一首留出。那一课：10_000, 0
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
print(f"{len(train_text):,} 个字用来训练，留出 {len(held_out_text)} 个，一共 {vocab_size} 个不同的")

# %% [markdown]
# ### 练习
#
# 1. `load_data_jay_lyrics` 为什么要给词表排序？不排序，存下来的模型会怎样？
#
# <details><summary>答案</summary>
#
# 字符串集合的顺序取决于 Python 每个进程随机抽的一个种子。不排序，下次运行时同一个字就换了编号，存下来的 `W_xh` 的每一行就对错了字。
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
# ## 2. 把数变成向量
#
# 编号本身没有大小的意思：20 号并不是 10 号的两倍。所以每个字变成一个独热向量：自己那一列是 1，其余是 0。

# %%
show(one_hot, to_onehot)

# %%
word = "掉下来呀"
columns = sorted(set(word))
rows = one_hot(torch.tensor([columns.index(char) for char in word]), len(columns))
plots.matrices({f"one_hot: {tuple(rows.shape)}": rows}, rows=word, columns=columns)

# %% [markdown]
# 一个小批量 `(批量大小, 时间步数)` 变成一列矩阵，每个时间步一个 `(批量大小, 词表大小)`。按那一课的大小：

# %%
X = torch.arange(10).view(2, 5)
inputs = to_onehot(X, 1027)
print(len(inputs), inputs[0].shape, "每行的和：", inputs[0].sum(dim=1).tolist())

# %% [markdown]
# ### 练习
#
# 1. `one_hot` 用 `scatter_` 填 1。不用它，用一行写出来。
#
# <details><summary>答案</summary>
#
# 单位矩阵的第 i 行就是 i 的独热向量。
#
# ```python
# x = torch.tensor([3, 0, 3])
# assert torch.equal(torch.eye(5)[x], one_hot(x, 5))
# ```
# </details>

# %% [markdown]
# ## 3. 参数和循环
#
# $$H_t = \tanh(X_t W_{xh} + H_{t-1} W_{hh} + b_h) \qquad O_t = H_t W_{hq} + b_q$$
#
# 隐藏状态 $H_t$ 记着读过的内容，输出 $O_t$ 是下一个字的 logits。每个时间步用的是同一组权重。把读“想要有直”的网络一步一步摊开，就是下面这样；最上面灰色的是它应该说的字。

# %%
plots.unrolled("想要有直", "要有直升")

# %%
show(get_params, rnn)

# %%
params = get_params(1027, 256, device, torch.Generator().manual_seed(0))
for name, param in zip(["W_xh", "W_hh", "b_h", "W_hq", "b_q"], params, strict=True):
    print(f"{name:5} {tuple(param.shape)!s:12} 标准差 {param.std().item():.4f}")

# %% [markdown]
# 读第一个字之前，状态是零。状态放在元组里，这样有两个状态的单元（LSTM）也能放在同一个位置。

# %%
state = init_rnn_state(2, 256, device)
outputs, new_state = rnn(inputs, state, params)
print(len(outputs), outputs[0].shape, "状态：", len(new_state), new_state[0].shape)

# %% [markdown]
# ### 练习
#
# 1. （课程里的）用循环神经网络预测下一个字，输出个数应该是多少？
# 2. （课程里的）它一次只读一个字，为什么能表示一个字在前面*所有*字的条件下的概率？
# 3. 一共有多少个参数？其中有多少和词表大小有关？
#
# <details><summary>答案</summary>
#
# 1. 词表里有多少个字就有多少个：对它们做 softmax，就是下一个字的分布。
# 2. $H_t$ 是 $X_t$ 和 $H_{t-1}$ 的函数，$H_{t-1}$ 又是 $X_{t-1}$ 和 $H_{t-2}$ 的函数，一直推下去：第一个字影响每一个输出。
# 3. 词表 V 个字、隐藏单元 H 个时，是 $2VH + V + H^2 + H$。除了 $H^2 + H$，都随词表变大。
#
# ```python
# first = inputs[0].clone().requires_grad_()
# late, _ = rnn([first, *inputs[1:]], state, params)
# late[4].sum().backward()
# assert first.grad.abs().sum() > 0  # 第五个输出取决于第一个字
# V, H = 1027, 256
# assert sum(param.numel() for param in params) == 2 * V * H + V + H**2 + H
# ```
# </details>

# %% [markdown]
# ## 4. 预测
#
# `predict_rnn` 先读开头，让状态热起来，然后一次又一次接上概率最大的字。单元是参数，所以 GRU 和 LSTM 可以换进来。没训练过的网络写出来的是乱码：

# %%
show(predict_rnn)

# %%
new_params = get_params(vocab_size, num_hiddens, device, torch.Generator().manual_seed(0))


def write(prefix, count, params, cell=rnn, init_state=init_rnn_state, hidden=num_hiddens):
    """网络给开头接上的字。"""
    return predict_rnn(prefix, count, cell, params, init_state, hidden, vocab_size, device, idx_to_char, char_to_idx)


print(write("分开", 10, new_params))

# %% [markdown]
# 词表里没有的字没有编号，那一课的函数会抛出 `KeyError`。（`zuoci lesson --prefix` 则会说出是哪个字。）

# %%
try:
    write("分开 goodbye", 10, new_params)
except KeyError as error:
    print("KeyError:", error)

# %% [markdown]
# ### 练习
#
# 1. `predict_rnn` 每次只喂一个字，把状态留着。试证明：每写一个字都从头重读一遍，结果一样；再说说代价是什么。
#
# <details><summary>答案</summary>
#
# 状态概括了读过的全部内容，所以两种做法写出同样的字；但是从头重读要走 1 + 2 + … + n 步，而不是 n 步。
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
# ## 5. 困惑度
#
# 对真正出现的那些字取 −log p 的平均，再取 exp，就是困惑度。四个字，四个模型各自给它们的概率：

# %%
models = {
    "均匀八选一": [1 / 8, 1 / 8, 1 / 8, 1 / 8],
    "常常猜对": [1 / 2, 1 / 2, 1 / 4, 1 / 4],
    "完美": [1, 1, 1, 1],
    "有一个不可能": [1, 1, 1, 0],
}
for name, p in models.items():
    nll = [math.log(1 / value) if value else math.inf for value in p]
    mean = sum(nll) / len(nll)
    perplexity = math.exp(mean)
    print(f"{name:　<6} −log p {' '.join(f'{value:5.3f}' for value in nll)}  平均 {mean:.3f}  困惑度 {perplexity:.3f}")

# %% [markdown]
# 所以，在 V 个字里均匀地猜，困惑度是 V；完美的模型是 1；只要有一个出现了的字被判为绝不可能，不管别的猜得多准，都是无穷大。困惑度说的是：模型还在多少个字之间犹豫。没训练过的网络在所有字之间犹豫：


# %%
@torch.no_grad()
def score(params, indices, cell=rnn, init_state=init_rnn_state, hidden=num_hiddens):
    """一口气读完一段字的困惑度；没有字就是 nan。"""
    if len(indices) < 2:
        return math.nan
    inputs = to_onehot(torch.tensor([indices[:-1]]), vocab_size)
    outputs, _ = cell(inputs, init_state(1, hidden, device), params)
    return math.exp(nn.functional.cross_entropy(torch.cat(outputs), torch.tensor(indices[1:])))


print(f"词表 {vocab_size}，没训练过的网络的困惑度 {score(new_params, train_indices):.1f}")

# %% [markdown]
# ### 练习
#
# 1. 模型甲给四个字里的三个 0.97，给第四个 0.0001；模型乙每个都给 1/4。谁的困惑度低？
# 2. 平均 800 nats 时，Python 里的 exp 是多少？那一课的函数会打印什么？
#
# <details><summary>答案</summary>
#
# 1. 乙，虽然甲几乎总是对的：自信地错一次，代价很大。
# 2. `OverflowError`。`train_and_predict_rnn` 把平均值最多当作 700，这样训练出了岔子也只是打印一个很大的数，接着跑。
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
# ## 6. 裁剪梯度
#
# 梯度往回传时，有多少个时间步就要乘多少次 $W_{hh}$，每乘一次都可能变大。裁剪把所有梯度看成一个向量 $g$，把它缩到最长 θ：$g \leftarrow \min(\theta / \lVert g \rVert, 1)\, g$。下面是那一课的内层循环，每一步记下梯度的范数，裁剪和不裁剪各跑一遍。


# %%
show(grad_clipping, sgd)


# %%
def gradient_norms(theta, steps, lr=lr):
    """每一步裁剪之前的梯度范数，以及损失。"""
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
print(f"60 步以后的损失：裁剪 {loss_with[-1]:.2f}，不裁剪 {loss_without[-1]:.4g}")
print(f"均匀地猜：{math.log(vocab_size):.2f}")
plots.curves({"裁剪": (steps, with_clipping), "不裁剪": (steps, without_clipping)}, "步", "梯度的范数")

# %% [markdown]
# 不裁剪，头几步就把参数甩得很远，损失比瞎猜还大许多倍。裁剪以后，一步的长度不会超过学习率乘 θ：100 × 0.01 = 1。所以这里学习率取 100 并不荒唐。
#
# ### 练习
#
# 1. 裁剪会改变梯度的方向吗？
# 2. （课程里的）不裁剪，像那一课那样训练，会怎样？把学习率调小有用吗？
#
# <details><summary>答案</summary>
#
# 1. 不会：每一部分都乘同一个数，只有长度变了。
# 2. 学习率是 100 时损失会爆炸（见上图）。学习率是 0.5 时，不裁剪也跑得下去，但是学得慢：这个网络本来的梯度很小，裁剪配上大学习率，让每一步都有合适的长度。
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
# ## 7. 两种采样
#
# 下面是歌词的开头，每行 35 个字。每种颜色是一个小批量，里面有四个样本，每个 7 个字。**随机采样**：一个小批量里的样本来自任何地方，下一个小批量和它没有关系。所以每个小批量的状态都从零开始。

# %%
show(data_iter_random)

# %%
shown = train_indices[:281]


def coloured(batches, wanted=5):
    """几行字；每个字带着它所在小批量的编号。"""
    numbers = [None] * len(shown)
    for number, (X, _) in zip(range(wanted), batches, strict=False):
        for i in X.flatten().tolist():
            numbers[i] = number
    return [(train_text[i : i + 35], numbers[i : i + 35]) for i in range(0, 280, 35)]


places = list(range(len(shown)))  # 用位置代替字：看得出每个样本来自哪里
plots.coloured_text(
    coloured(data_iter_random(places, 4, 7, device, torch.Generator().manual_seed(0))), "随机采样：五个小批量"
)

# %% [markdown]
# **相邻采样**：一个小批量有几个样本，就把歌词切成几道（这里四道，每道两行）。每个小批量在每一道上都接着上一个结束的地方读。所以状态要传下去。

# %%
show(data_iter_consecutive)

# %%
plots.coloured_text(coloured(data_iter_consecutive(places, 4, 7, device)), "相邻采样：五个小批量")

# %% [markdown]
# 传下去，但是要*分离*（detach）：状态的值进入下一个小批量，梯度不再从那里传回来。不然每一步都要一直退回到这一轮的开头。这就是截断的随时间反向传播：虚线是梯度走的路，到红线为止。

# %%
plots.unrolled("想要有直升机", "要有直升机，", cuts=[3], note="detach()：状态继续往前，梯度到此为止")

# %%
(X1, _), (X2, _), *_ = data_iter_consecutive(places, 4, 7, device)
print("相邻采样，下一个小批量从后一个字开始：", torch.equal(X2[:, 0], X1[:, -1] + 1))
(X1, _), (X2, _), *_ = data_iter_random(places, 4, 7, device, torch.Generator().manual_seed(0))
print("随机采样：", torch.equal(X2[:, 0], X1[:, -1] + 1))

# %% [markdown]
# ### 练习
#
# 1. （课程里的）还有哪些采样小批量的方法？
# 2. （课程里的）如果希望每个样本是一个完整的句子，会带来什么问题？
# 3. （课程里的）相邻采样时不分离状态，会怎样？
# 4. 状态是元组。为什么 `state.detach_()` 不行？
#
# <details><summary>答案</summary>
#
# 1. 比如每一轮从一个随机的位置开始切。这样每一轮样本的切口都不同，不会总是同样几个字站在样本的开头，而网络在那里前文全无。
# 2. 句子有长有短，矩阵只有一个宽度。短的要填满，填的部分不能算进损失。下面算了一个小批量里填充占多少。
# 3. 每个小批量的计算图都挂在前一个上面。`backward` 会释放图，所以在 PyTorch 里第二个小批量就报错；要是留着图（`retain_graph=True`），图随每个小批量变大，时间和内存也跟着涨。
# 4. 元组没有这个方法。要逐个分离：`tuple(s.detach() for s in state)`。
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
# assert counts[9] > 4 * counts[0]  # 第十个小批量的图里装着前面所有的图
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
# ## 8. 两次训练
#
# 所有东西都汇到 `train_and_predict_rnn` 里：每个小批量算所有时间步的损失和梯度，裁剪，走一步梯度下降；隔一阵打印一轮的困惑度，给每个开头写一段。跑第一次时，我们顺便记下留出的那首歌的困惑度，再存一份早期的参数，都留到第 9 部分用。


# %%
show(train_and_predict_rnn)


# %%
def train(params, is_random_iter, epochs, *, prefixes=(), on_epoch=None, pred_period=None, **more):
    """用那一课的训练函数训练我们的歌词。"""
    cell, init_state = more.get("cell", rnn), more.get("init_state", init_rnn_state)
    train_and_predict_rnn(
        cell, lambda: params, init_state, more.get("hidden", num_hiddens), vocab_size, device, train_indices,
        idx_to_char, char_to_idx, is_random_iter, epochs, more.get("num_steps", num_steps), more.get("lr", lr),
        clipping_theta, batch_size, pred_period or epochs, 50, prefixes, torch.Generator().manual_seed(0), on_epoch,
    )  # fmt: skip


random_params = get_params(vocab_size, num_hiddens, device, torch.Generator().manual_seed(0))
random_perplexity, held_out_perplexity, early_params = [], {}, []


def note(epoch, perplexity):
    """记下训练途中的数字。"""
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
# 两条曲线；圆圈是那一课打印的数字，它训练的规模更大，用的是它自己的歌词。在那一课里，每次报告都是相邻采样领先：它的状态不是每 35 个字就从零开始。在这里它领先多少轮，图下面数了。

# %%
epochs = list(range(1, num_epochs + 1))
names = {"random": "随机采样", "consecutive": "相邻采样"}
plots.curves(
    {"随机采样，这里": (epochs, random_perplexity), "相邻采样，这里": (epochs, consecutive_perplexity)},
    "轮",
    "训练歌词的困惑度",
    dots={
        f"{names[name]}，那一课打印的": (list(printed), list(printed.values()))
        for name, printed in plots.PRINTED_PERPLEXITIES.items()
    },
)

# %%
for name, printed in plots.PRINTED_PERPLEXITIES.items():
    print(f"{names[name]} 那一课：", ", ".join(f"第 {epoch} 轮 {value:.2f}" for epoch, value in printed.items()))
for name, values in (("random", random_perplexity), ("consecutive", consecutive_perplexity)):
    fifths = range(num_epochs // 5, num_epochs + 1, num_epochs // 5)
    print(f"{names[name]} 这里：  ", ", ".join(f"第 {epoch} 轮 {values[epoch - 1]:.2f}" for epoch in fifths))
ahead = sum(a < b for a, b in zip(consecutive_perplexity, random_perplexity, strict=True))
print(f"{num_epochs} 轮里，相邻采样领先 {ahead} 轮")

# %% [markdown]
# ### 练习（都是课程里的）
#
# 1. 改一改超参数。时间、困惑度和写出来的歌词会怎样？
# 2. 把 `pred_period` 设成 1。没怎么学过的模型是怎样写的？
# 3. 把 tanh 换成 ReLU。
#
# <details><summary>答案</summary>
#
# 1. 隐藏单元少：快一些，同样轮数后困惑度高一些。样本长：一轮的小批量少了，走的步数也少，同样轮数后困惑度也高一些。学习率从 100 改成 1，几乎不动，因为一步最长只有 1 × 0.01。
# 2. 它先学会哪些字常见，于是一遍遍写最常见的那个，也就是空格；然后是两个字的搭配，然后是词，然后是整句。每一步都是用已经学到的东西把损失再降一点。
# 3. 有裁剪，学习率不变，也能学。和 tanh 不同，ReLU 不把状态限制在 −1 和 1 之间：看打印出来的第一个困惑度。是裁剪把训练拉了回来。
#
# ```python
# def after(epochs, cell=rnn, hidden=48, **more):
#     """短短训练几轮，每一轮的困惑度和写出的字。"""
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
# assert set(usual[0][1][2:]) == {" "}  # 一轮以后：最常见的字
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
# ## 9. 那一课没有说的
#
# ### 学到的是语言，还是这段歌词？
#
# 上面的困惑度，都是在训练用的歌词上算的。同一次训练，在留出的那首歌上是这样：

# %%
best_epoch = min(held_out_perplexity, key=held_out_perplexity.get)
print(f"最后一轮：训练 {random_perplexity[-1]:.2f}，留出 {held_out_perplexity[num_epochs]:,.0f}")
print(f"留出的最好一轮：{held_out_perplexity[best_epoch]:.0f}，第 {best_epoch} 轮；词表 {vocab_size}")
plots.curves(
    {
        "训练的歌词": (epochs, random_perplexity),
        "留出的歌": (list(held_out_perplexity), list(held_out_perplexity.values())),
    },
    "轮",
    "困惑度",
)

# %% [markdown]
# 过了最好的那一轮，网络在读过的歌词上越来越好，在没读过的歌上越来越差。训练困惑度接近 1，说的只是这段歌词被背下来了。（所以 `zuoci train` 会自己留出几首歌，保存最好那一轮的权重，并且两个数字都打印。）
#
# ### 抄了多少？
#
# 两个训练好的网络写的字里，凡是连着 6 个字以上和训练歌词一字不差的，都涂了颜色。最后一行用来比较，是人写的：留出的那首歌的开头。

# %%
index = zuoci.CorpusIndex(zuoci.Corpus((zuoci.Song("lyrics", train_text),)))


def copied(written, least=6):
    """抄来的字带着那一段的编号，其余是 None；另外给出占了多少。"""
    found = zuoci.originality(written, index, least=least)
    numbers = [None] * len(written)
    for k, span in enumerate(found.spans):
        numbers[span.start : span.start + span.length] = [k] * span.length
    return (written, numbers), found


written = {
    "随机采样": write("分开", 40, random_params)[2:],
    "相邻采样": write("分开", 40, consecutive_params)[2:],
    "人写的": held_out_text[:40],
}
for name, sample in written.items():
    _, found = copied(sample)
    print(f"{name}：{found.coverage:.0%} 是抄来的，最长一段 {found.longest_copied} 个字")
plots.coloured_text([copied(sample)[0] for sample in written.values() if sample], "一字不差抄来的：涂了颜色")

# %% [markdown]
# ### 贪心的循环，和温度的作用
#
# `predict_rnn` 总是取概率最大的字，这叫贪心，相当于下面的 T → 0。一旦回到和以前相近的状态，它就永远转圈，训练早期尤其如此。按分布抽样能打破循环。温度 T 让分布更尖（小于 1）或者更平（大于 1）：$p \propto \exp(O / T)$。


# %%
@torch.no_grad()
def draw(prefix, count, params, temperature, seed=0):
    """一个字一个字抽出来的一段。"""
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
    """除第一个字外，每个字的 −log p 的平均值，单位 nats。"""
    return math.log(score(params, [char_to_idx[char] for char in written]))


def repeated(written):
    """连着 4 个字的片段里，同一段里前面出现过的占多少。"""
    stretches = [written[i : i + 4] for i in range(len(written) - 3)]
    return 1 - len(set(stretches)) / len(stretches)


samples = {"T → 0": write("分开", 200, early_params)}
samples |= {f"T = {t}": draw("分开", 200, early_params, t) for t in (0.3, 0.6, 1.0, 1.5)}
for name, sample in samples.items():
    print(f"{name:8} {nll(sample, early_params):4.2f} nats 每字  {sample[:40]}")
plots.bars(
    {name: 100 * repeated(sample) for name, sample in samples.items()},
    f"% 的四字片段是重复的（第 {num_epochs // 5} 轮）",
)

# %% [markdown]
# 抽样的代价在第二列：温度越高，网络写出来的字在它自己看来就越不可能。要少重复，还是要像样，得权衡。
#
# ### 梯度消失
#
# 读了 t 个字以后的状态，还有多少取决于读第一个字之前的状态？下面是导数 $\partial h_t / \partial s_0$ 的范数，三种单元各训练几轮（s 是全部状态，对 LSTM 就是 h 和 c）。“门开着”：还是那个 GRU 和 LSTM，只是把负责保留状态的那个门的偏置加了 4。


# %%
def memory(cell, params, state, indices):
    """读完每个字以后，隐藏状态对最初状态的导数的范数。"""
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
open_gate = {"gru": 2, "lstm": 5}  # b_z（保留状态）和 b_f（不遗忘）的位置
remembered = {}
for name, (cell, get_cell_params, init_state) in cells.items():
    params = get_cell_params(vocab_size, 32, device, torch.Generator().manual_seed(0))
    train(params, False, 12, cell=cell, init_state=init_state, hidden=32)
    remembered[name] = memory(cell, params, init_state(1, 32, device), train_indices[:30])
    if name in open_gate:
        params[open_gate[name]].data += 4
        remembered[f"{name}，门开着"] = memory(cell, params, init_state(1, 32, device), train_indices[:30])
for name, norms in remembered.items():
    print(f"5 个字以后 {norms[4]:.1e}，30 个字以后 {norms[29]:.1e}：{name}")
fresh_params = lesson.get_gru_params(vocab_size, 32, device, torch.Generator().manual_seed(0))
fresh = memory(lesson.gru, fresh_params, init_rnn_state(1, 32, device), train_indices[:10])
print(f"没训练的 gru：每读一个字，导数剩下 {fresh[9] / fresh[8]:.2f}")
plots.curves(
    {name: (list(range(1, 31)), norms) for name, norms in remembered.items()},
    "读过的字数",
    "导数的范数",
)

# %% [markdown]
# 导数是每一步一个矩阵的连乘，像幂一样缩小。传回很久以前那个字的几乎什么都不剩，网络就没法从中学习。光有门并不解决问题：用那一课的初始权重，门一开始是半开的，每读一个字就把以前的减半。但是门*可以*开，偏置加 4 就看得出来：这时虽然每一步照样乘一个矩阵，导数却几乎不变。
#
# ### 一个隐藏单元
#
# 哪个单元最清楚地标出一句的开头（空格后面的第一个字）？它在每个字上的值，从蓝（−1）到红（+1）：

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
print(f"{num_hiddens} 个里的第 {unit} 个单元：和句首的相关系数 {correlations[unit]:.2f}")
plots.coloured_text(
    [(passage[i : i + 35], hidden_states[i : i + 35, unit].tolist()) for i in range(0, 140, 35)],
    f"第 {unit} 个单元",
    palette="RdBu_r",
)

# %% [markdown]
# 没有人告诉过它什么是一句，也没有哪个单元说得完全准：相关系数还不到 −1 或 1。（`zuoci studio` 能看这样一个模型的每个单元。）
#
# ### 独热向量乘矩阵，就是取一行
#
# 独热的一行只有一个 1，所以它和矩阵的乘积就是矩阵的一行：为了抄 H 个数，做了 V × H 次乘法。

# %%
small = torch.randn(len(columns), 6, generator=torch.Generator().manual_seed(0))
plots.matrices({"X": rows, "W": small, "X W": rows @ small}, rows=word, columns=columns)

# %%
ids = torch.tensor(train_indices[:280])
W_xh = random_params[0].detach()
print("相同：", torch.equal(one_hot(ids, vocab_size) @ W_xh, W_xh[ids]))


def milliseconds(function, repeats=20):
    """一次调用的处理器时间，取中位数。"""
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
    "毫秒，280 个字",
    digits=3,
)

# %% [markdown]
# ### 走向快引擎的梯子
#
# 每一级只改训练步（前向、反向、裁剪、更新）里的一件事，网络还是同一个，按那一课原来的大小：256 个单元，小批量 32 × 35。最后两级是 `zuoci.train` 的一步，它有自己的反向传播；一次用 float32，一次用它为这个处理器选的精度；它们的更新是 AdamW，为每个权重做的比朴素的梯度下降多。量的是跑这个笔记本时的处理器时间。


# %%
def lesson_outputs(X, state, params):
    """那一课：独热向量，一步一步算。"""
    return torch.cat(rnn(to_onehot(X, vocab_size), state, params)[0])


def look_up_outputs(X, state, params):
    """用取行代替独热向量的乘法。"""
    W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs = []
    for x in X.t():
        H = torch.tanh(W_xh[x] + H @ W_hh + b_h)
        outputs.append(H @ W_hq + b_q)
    return torch.cat(outputs)


def hoisted_outputs(X, state, params):
    """再加上：不必等状态的部分，所有时间步一次算完。"""
    W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    before, states = (W_xh + b_h)[X.t()], []
    for x in before:
        H = torch.tanh(x + H @ W_hh)
        states.append(H)
    return torch.cat(states) @ W_hq + b_q


def step_milliseconds(outputs_of):
    """一个训练步的时间。"""
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
    "那一课": step_milliseconds(lesson_outputs),
    "取行": step_milliseconds(look_up_outputs),
    "所有时间步一次相乘": step_milliseconds(hoisted_outputs),
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
plots.bars({name: 1000 * 32 * 35 / ms for name, ms in rungs.items()}, "每秒字数，一个线程")

# %%
X = torch.tensor([train_indices[:35]])
state = init_rnn_state(1, num_hiddens, device)
with torch.no_grad():
    ladder = [outputs(X, state, random_params) for outputs in (lesson_outputs, look_up_outputs, hoisted_outputs)]
print("输出相同：", all(torch.allclose(ladder[0], other, atol=1e-5) for other in ladder[1:]))

# %% [markdown]
# 另一半来自步数：用正交的初始权重和 Adam 代替朴素的梯度下降，要的轮数少得多。大小不变，训练到上面第二次的困惑度：

# %%
target = consecutive_perplexity[-1]
same = {"hidden_size": num_hiddens, "batch_size": batch_size, "seq_len": num_steps, "sampling": "consecutive"}
settings = zuoci.resolve("fast", {**sizes, **same, "epochs": num_epochs, "until_perplexity": target})
start = time.process_time()
*_, end = zuoci.train(corpus, settings, device="cpu")
fast_seconds = time.process_time() - start
print(f"困惑度 {target:.2f}：那一课 {num_epochs} 轮，{lesson_seconds:.1f} 秒；", end=" ")
print(f"zuoci.train {end.epochs:.0f} 轮，{fast_seconds:.1f} 秒")
plots.bars({"那一课": lesson_seconds, "zuoci.train": fast_seconds}, "练到同样困惑度用的处理器时间，秒", digits=1)

# %% [markdown]
# ### 练习
#
# 1. 第 8 部分的训练，你会停在哪一轮？最后那些轮把留出的歌的困惑度弄坏了多少？
# 2. top-k 抽样只在概率最大的 k 个字里抽。写出来，并且验证 k = 1 就是贪心。
# 3. 温度为 1 时，*训练完*的网络抄多少？和贪心比呢？
#
# <details><summary>答案</summary>
#
# 1. 停在留出的歌困惑度最低的那一轮，`best_epoch`：在那以后训练困惑度还在降，留出的却在升。
# 2. 在 softmax 之前，把其余的 logits 设成 −∞。
# 3. 少一些，但远不是没有：分布本身已经把歌词背下来了。
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
# ## 接着读什么
#
# - 课程接下去讲门控循环单元、长短期记忆和 `nn.RNN`。上面每个函数里，`rnn` 的位置都可以换成 `lesson.gru` 和 `lesson.lstm`。那一课的名字对应 PyTorch 和 zuoci 的哪个，见 [docs/lesson.md](../docs/lesson.md)（英文）。
# - `zuoci lesson --explain` 是终端里的这个笔记本，按那一课原来的大小。
# - `zuoci train my-folder/` 走得比第 9 部分远：留出几首歌，保存最好的权重，从一个基础模型开始。`zuoci write` 管格式和韵脚，`--max-copy` 规定最多能连着抄几个字。
