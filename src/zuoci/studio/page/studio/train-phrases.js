// The phrases of the view "Train", in Chinese and English.

import { formatNumber, plural } from "../shared/format.js";

/** @import {Language} from "../shared/types.js" */
/** @import {TrainPhrases} from "./train-types.js" */
/** @import {Score} from "./types.js" */

/** @param {number} value @returns {string} */
const percent = (value) => `${formatNumber(100 * value)}%`;

/** @param {Score | null | undefined} score */
const perplexity = (score) => (score?.perplexity ? formatNumber(score.perplexity, score.perplexity < 100 ? 1 : 0) : "–");

/** @param {number} seconds @param {string} s unit of seconds @param {string} min unit of minutes */
const duration = (seconds, s, min) =>
  seconds < 90 ? `${Math.round(seconds)} ${s}` : `${Math.round(seconds / 60)} ${min}`;

/** The name of a rhyme group without its language. @param {string} group */
const rhymeName = (group) => group.slice(group.indexOf(":") + 1);

/**
 * Counts of kinds of things, in words.
 * @param {Record<string, number>} counts
 * @param {Record<string, string>} kinds in the language; a kind that is not there is said as it is
 * @param {(count: string, kind: string) => string} say
 * @param {string} comma
 */
const counted = (counts, kinds, say, comma) =>
  Object.entries(counts)
    .map(([kind, count]) => say(formatNumber(count), kinds[kind] ?? kind))
    .join(comma);

/** @type {Record<Language, TrainPhrases>} */
export const TRAIN_PHRASES = {
  zh: {
    trainTitle: "用哪些歌词训练？",
    welcomeTitle: "把模型变成你自己的",
    welcome: "拖入你的歌词，附带的模型会接着学，一分钟左右就能训练好并开始写。",
    bundledZh: "附带的中文歌词",
    bundledZhHelp: "为 zuoci 写的原创歌词（CC0）",
    bundledEn: "附带的英文歌词",
    bundledEnHelp: "为 zuoci 写的原创歌词（CC0）",
    ownFiles: "自己的歌词",
    ownFilesHelp: "把文件或文件夹拖到这里：txt、lrc、docx、zip 等，或点击选择",
    ownFolder: "整个文件夹",
    ownFolderHelp: "连同里面的文件夹，一起读入",
    corpora: "读过的歌词",
    corpusName: "这份歌词的名称",
    deleteCorpus: "删除这份歌词",
    corpusChoice: (name, characters) => `${name || "未命名"}（${formatNumber(characters)} 字）`,
    sendingFiles: (count) => `正在传送 ${formatNumber(count)} 个文件……`,
    readingFiles: (count) => `正在读取 ${formatNumber(count)} 个文件……`,
    cancel: "取消",
    notTexts: (count, names) => `另有 ${formatNumber(count)} 个文件不是歌词，没有读取：${names}`,
    noTexts: "这个文件夹里没有歌词文件。",
    tooManyFiles: (count, most) => `有 ${formatNumber(count)} 个文件，一次最多 ${formatNumber(most)} 个。请分几次，或压缩成 zip。`,
    tooManyBytes: (size, most) => `这些文件共 ${size}，最多 ${most}。`,
    corpusFound: ({ songs, lines, characters, distinct }) =>
      `${formatNumber(songs)} 首歌 · ${formatNumber(lines.count)} 行 · ${formatNumber(characters)} 字 · ${formatNumber(distinct)} 个不同的字`,
    lineLengths: ({ shortest, longest, median, usual }) =>
      `每行 ${shortest} 到 ${longest} 字，中位数 ${formatNumber(median, median % 1 ? 1 : 0)}；最多的是 ${usual.map(([length, lines]) => `${length} 字（${formatNumber(lines)} 行）`).join("、")}`,
    rhymesFound: ({ couplets, alternate, rhymes }) =>
      `${percent(couplets)} 的行与上一行押韵，${percent(alternate)} 与再上一行押韵${rhymes.length ? `；最多的韵：${rhymes.map(([group, lines]) => `${rhymeName(group)}（${formatNumber(lines)} 行）`).join("、")}` : ""}`,
    sectionsFound: (sections) => `标出的段落：${counted(sections, TRAIN_PHRASES.zh.sectionKinds, (count, kind) => `${count} 段${kind}`, "、")}`,
    droppedFound: (dropped) => `不用于训练：${counted(dropped, TRAIN_PHRASES.zh.droppedKinds, (count, kind) => `${count} 处${kind}`, "、")}`,
    leftOutFound: (kinds) => `没有读取：${counted(kinds, TRAIN_PHRASES.zh.leftOutKinds, (count, kind) => `${count} 个${kind}`, "、")}`,
    duplicatesFound: (groups, count) =>
      `几乎相同的歌，共 ${formatNumber(count)} 组：${groups.slice(0, 5).map((titles) => titles.map((title) => `《${title}》`).join("")).join("；")}${count > 5 ? "……" : ""}`,
    commonCharacters: (common, once, rare) => `最常见的字：${common}；只出现一次的有 ${formatNumber(once)} 个${rare ? `，如 ${rare}` : ""}`,
    filesRead: (count) => `读取的 ${formatNumber(count)} 个文件`,
    textsInFile: (count) => `其中 ${formatNumber(count)} 个文件`,
    textSize: (songs, characters) => `${formatNumber(songs)} 首歌，${formatNumber(characters)} 字`,
    droppedLines: "不用于训练的内容",
    lineNumber: (number) => `第 ${formatNumber(number)} 行`,
    andMore: (count) => `还有 ${formatNumber(count)} 处`,
    formats: { "plain text": "纯文本", "plain text and LRC": "纯文本和 LRC", "LRC without time stamps": "无时间戳的 LRC", transcript: "带时间的文稿" },
    droppedKinds: {
      "credit lines": "作者信息",
      "title lines": "标题",
      "ID tags": "LRC 标签",
      placeholders: "占位文字",
      "lines of front matter": "文首信息",
      headings: "标题",
      "quoted notes": "引用的说明",
      "signs of Markdown": "Markdown 符号",
      readings: "注音",
      "music signs": "音乐符号",
      "singer marks": "歌手标记",
      "repeat marks": "反复记号",
      "section marks": "段落标记",
      directions: "演唱说明",
      "lines of a site": "网站文字",
      translations: "译文",
    },
    leftOutKinds: {
      "files that are not text": "不是文本的文件",
      "special files and broken links": "特殊文件",
      "models and corpora that zuoci wrote": "zuoci 的模型和语料库",
      "empty files": "空文件",
      "files without lyrics": "没有歌词的文件",
      "files that cannot be read": "无法读取的文件",
      "damaged members of archives": "损坏的文件",
    },
    sectionKinds: { verse: "主歌", "pre-chorus": "导歌", chorus: "副歌", "post-chorus": "后副歌", bridge: "桥段", intro: "前奏", interlude: "间奏", outro: "尾声", instrumental: "器乐", break: "间歇", rap: "说唱", spoken: "念白", tag: "尾句" },
    removeFile: (name) => `移除 ${name}`,
    time: "训练时间",
    duration: (seconds) => duration(seconds, "秒", "分钟"),
    recipeTime: "自动",
    startFrom: "从哪个模型开始",
    startChoices: { auto: "自动", none: "从零开始" },
    name: "模型名称",
    start: "开始训练",
    runs: "训练",
    runStates: {
      queued: "排队中",
      running: "训练中",
      pausing: "正在暂停",
      stopping: "正在停止",
      deleting: "正在删除",
      paused: "已暂停",
      finished: "已完成",
      failed: "出错",
    },
    queuePosition: (count) => `前面还有 ${count} 个`,
    pause: "暂停",
    resume: "继续训练",
    finishNow: "提前完成",
    discard: "放弃",
    writeWith: "用它写歌词",
    timeLeft: (seconds) => `大约还要 ${duration(seconds, "秒", "分钟")}`,
    progress: ({ epoch, elapsed, speed }) =>
      `第 ${formatNumber(epoch)} 轮 · ${duration(elapsed, "秒", "分钟")} · 每秒 ${formatNumber(speed)} 字`,
    perplexities: (train, validation) =>
      `困惑度：训练集 ${perplexity(train)}${validation ? `，验证集 ${perplexity(validation)}` : ""}`,
    beforeTraining: (validation) => `训练前验证集 ${perplexity(validation)}`,
    samples: "目前的样例",
    noSamples: "很快就有第一批样例。",
    chartTitle: (names) => `困惑度随时间的变化：${names}`,
    timeAxis: "秒",
    perplexityAxis: "困惑度（越低越好）",
    trainCurve: "训练集",
    validationCurve: "验证集",
    stepCurve: "每一步",
    compare: "模型对比",
    compareHelp: "实线为验证集，虚线为训练集。勾选要显示的模型。",
    columns: ["显示", "模型", "字数", "轮数", "秒", "训练集", "验证集", "n 元模型"],
    showInChart: (name) => `在图中显示 ${name}`,
  },
  en: {
    trainTitle: "Which lyrics?",
    welcomeTitle: "Make the model your own",
    welcome: "Drop in your lyrics: the model that comes with zuoci goes on to learn from them, in about a minute.",
    bundledZh: "Bundled Chinese lyrics",
    bundledZhHelp: "original lyrics, written for zuoci (CC0)",
    bundledEn: "Bundled English lyrics",
    bundledEnHelp: "original lyrics, written for zuoci (CC0)",
    ownFiles: "My own lyrics",
    ownFilesHelp: "drop files or folders here (txt, lrc, docx, zip …), or click to choose",
    ownFolder: "A whole folder",
    ownFolderHelp: "with all folders in it",
    corpora: "Lyrics that were read",
    corpusName: "Name of these lyrics",
    deleteCorpus: "Delete these lyrics",
    corpusChoice: (name, characters) => `${name || "Unnamed"} (${plural(characters, "character")})`,
    sendingFiles: (count) => `Sending ${plural(count, "file")} …`,
    readingFiles: (count) => `Reading ${plural(count, "file")} …`,
    cancel: "Cancel",
    notTexts: (count, names) => `${plural(count, "other file")} left out, because they are no lyrics: ${names}`,
    noTexts: "There are no lyrics in this folder.",
    tooManyFiles: (count, most) => `${formatNumber(count)} files are too many; ${formatNumber(most)} is the limit. Send some of them, or pack them in a zip.`,
    tooManyBytes: (size, most) => `These files have ${size}; ${most} is the limit.`,
    corpusFound: ({ songs, lines, characters, distinct }) =>
      `${plural(songs, "song")} · ${plural(lines.count, "line")} · ${plural(characters, "character")} · ${formatNumber(distinct)} distinct`,
    lineLengths: ({ shortest, longest, median, usual }) =>
      `Lines have ${shortest} to ${longest} syllables, median ${formatNumber(median, median % 1 ? 1 : 0)}; most often ${usual.map(([length, lines]) => `${length} (${plural(lines, "line")})`).join(", ")}`,
    rhymesFound: ({ couplets, alternate, rhymes }) =>
      `${percent(couplets)} of lines rhyme with the line before, ${percent(alternate)} with the one before that${rhymes.length ? `; most often in ${rhymes.map(([group, lines]) => `${rhymeName(group)} (${plural(lines, "line")})`).join(", ")}` : ""}`,
    sectionsFound: (sections) => `Marked sections: ${counted(sections, {}, (count, kind) => `${kind} (${count})`, ", ")}`,
    droppedFound: (dropped) => `Not trained on: ${counted(dropped, {}, (count, kind) => `${kind} (${count})`, ", ")}`,
    leftOutFound: (kinds) => `Left out: ${counted(kinds, {}, (count, kind) => `${kind} (${count})`, ", ")}`,
    duplicatesFound: (groups, count) =>
      `${plural(count, "group")} of songs that are nearly the same: ${groups.slice(0, 5).map((titles) => titles.map((title) => `“${title}”`).join(" and ")).join("; ")}${count > 5 ? " …" : ""}`,
    commonCharacters: (common, once, rare) => `Most common: ${common}; ${formatNumber(once)} occur once${rare ? `, such as ${rare}` : ""}`,
    filesRead: (count) => `${plural(count, "file")} read`,
    textsInFile: (count) => `${plural(count, "file")} in it`,
    textSize: (songs, characters) => `${plural(songs, "song")}, ${plural(characters, "character")}`,
    droppedLines: "What is not trained on",
    lineNumber: (number) => `line ${formatNumber(number)}`,
    andMore: (count) => `and ${formatNumber(count)} more`,
    formats: {},
    droppedKinds: {},
    leftOutKinds: {},
    sectionKinds: {},
    removeFile: (name) => `Remove ${name}`,
    time: "Training time",
    duration: (seconds) => duration(seconds, "s", "min"),
    recipeTime: "automatic",
    startFrom: "Start from",
    startChoices: { auto: "automatic", none: "nothing" },
    name: "Name of the model",
    start: "Start training",
    runs: "Training runs",
    runStates: {
      queued: "queued",
      running: "training",
      pausing: "pausing",
      stopping: "stopping",
      deleting: "deleting",
      paused: "paused",
      finished: "finished",
      failed: "failed",
    },
    queuePosition: (count) => `${count} ahead of it`,
    pause: "Pause",
    resume: "Resume",
    finishNow: "Finish now",
    discard: "Discard",
    writeWith: "Write with it",
    timeLeft: (seconds) => `about ${duration(seconds, "s", "min")} left`,
    progress: ({ epoch, elapsed, speed }) =>
      `epoch ${formatNumber(epoch)} · ${duration(elapsed, "s", "min")} · ${formatNumber(speed)} characters/s`,
    perplexities: (train, validation) =>
      `perplexity: training ${perplexity(train)}${validation ? `, held out ${perplexity(validation)}` : ""}`,
    beforeTraining: (validation) => `held out before training ${perplexity(validation)}`,
    samples: "Samples so far",
    noSamples: "The first samples will be here soon.",
    chartTitle: (names) => `Perplexity over time: ${names}`,
    timeAxis: "seconds",
    perplexityAxis: "perplexity (lower is better)",
    trainCurve: "training",
    validationCurve: "held out",
    stepCurve: "each step",
    compare: "Compare models",
    compareHelp: "Solid: held-out lyrics; dashed: training lyrics. Tick the models to show.",
    columns: ["Show", "Model", "Characters", "Epochs", "Seconds", "Training", "Held out", "n-gram"],
    showInChart: (name) => `Show ${name} in the chart`,
  },
};
