// The phrases of the exported page, in Chinese and English.

import { formatNumber, plural } from "../shared/format.js";
import { SHARED_PHRASES } from "../shared/phrases.js";

/** @import {Language} from "../shared/types.js" */
/** @import {GivePhrases} from "./types.js" */

/** @type {Record<Language, GivePhrases>} */
export const PHRASES = {
  zh: {
    ...SHARED_PHRASES.zh,
    blank: "可以先写个开头，也可以直接点“写歌词”。\n写好后点任意一行，可以换一句，也可以自己改。",
    count: "行数",
    temperature: "温度",
    lengths: "每行字数",
    lengthsHint: "不填为不限；如 7 7 5 5",
    lengthsHelp: "几个数字依次循环。标点和空格不计，一个英文单词算一个字。",
    wrongLengths: (longest) => `每行字数应为 1 到 ${longest} 的整数，用空格隔开，如 7 7 5 5`,
    acrostic: "藏头",
    acrosticHint: "每行的第一个字，如 春夏秋冬",
    rhyme: "押韵",
    topP: "top‑p（1 为不限）",
    minP: "min‑p（0 为不限）",
    topK: "top‑k（0 为不限）",
    banned: "禁用字",
    seed: "随机种子（相同的种子写出相同的歌词）",
    seedHint: "不填则每次不同",
    about: "关于这个模型",
    broken: "有的行找不到符合格式的写法，未能完全符合格式",
    copiedHere: "与训练歌词相同",
    size: (characters, parameters) => `认识 ${formatNumber(characters)} 个字符，共 ${formatNumber(parameters)} 个参数。`,
    trainedOn: (songs, characters) => `用 ${formatNumber(songs)} 首歌训练，共 ${formatNumber(characters)} 字。`,
    heldOut: (perplexity, baseline) =>
      `在未参与训练的歌词上，困惑度为 ${formatNumber(perplexity, 1)}，n 元模型为 ${formatNumber(baseline, 1)}（越低越好）。`,
    loss: (precision, before, after) =>
      `权重存为 ${precision}，困惑度由 ${formatNumber(before, 2)} 变为 ${formatNumber(after, 2)}。`,
    lossUnknown: (precision) => `权重存为 ${precision}，对困惑度的影响未测量。`,
    offline: "全部计算都在本页完成，不联网，你写的内容只保存在这台设备上。",
    checked: (window) => `与训练歌词连续 ${window} 字以上相同的地方会标下划线。`,
    unchecked: "这个页面不含训练歌词的指纹，无法检查是否照抄。",
    caution: "生成的歌词可能与训练歌词雷同。发表之前，请先征得原作者同意。",
  },
  en: {
    ...SHARED_PHRASES.en,
    blank: "Type an opening, or just press Write.\nThen click any line to replace or edit it.",
    count: "Lines",
    temperature: "Temperature",
    lengths: "Line length",
    lengthsHint: "any, or e.g. 7 7 5 5",
    lengthsHelp: "Repeated in turn. A Chinese character or a word counts as 1; spaces and punctuation do not count.",
    wrongLengths: (longest) => `Enter whole numbers from 1 to ${longest}, separated by spaces, e.g. 7 7 5 5`,
    acrostic: "Acrostic",
    acrosticHint: "first character of each line",
    rhyme: "Rhyme",
    topP: "Top‑p (1: off)",
    minP: "Min‑p (0: off)",
    topK: "Top‑k (0: off)",
    banned: "Characters to avoid",
    seed: "Seed (the same seed writes the same lyrics)",
    seedHint: "new each time",
    about: "About this model",
    broken: "for some lines nothing was found that keeps the form, so it is not kept everywhere",
    copiedHere: "also in the training lyrics",
    size: (characters, parameters) =>
      `Knows ${formatNumber(characters)} characters; has ${formatNumber(parameters)} parameters.`,
    trainedOn: (songs, characters) => `Trained on ${plural(songs, "song")}, ${plural(characters, "character")} in total.`,
    heldOut: (perplexity, baseline) =>
      `Perplexity on held-out lyrics: ${formatNumber(perplexity, 1)}; n-gram baseline: ${formatNumber(baseline, 1)} (lower is better).`,
    loss: (precision, before, after) =>
      `Weights stored as ${precision}: perplexity ${formatNumber(before, 2)} before, ${formatNumber(after, 2)} after.`,
    lossUnknown: (precision) => `Weights stored as ${precision}; the effect on perplexity was not measured.`,
    offline: "Everything runs in this page, without a network. What you write stays on this device.",
    checked: (window) => `Passages of ${window} or more characters that are in the training lyrics are underlined.`,
    unchecked: "This page has no fingerprint of the training lyrics, so it cannot detect copied passages.",
    caution: "The text may repeat the training lyrics word for word. Ask their owners before you publish it.",
  },
};
