// The phrases that both pages use, in Chinese and English.

import { plural } from "./format.js";

/** @import {Language, SharedPhrases} from "./types.js" */

/** @type {Record<Language, SharedPhrases>} */
export const SHARED_PHRASES = {
  zh: {
    otherLanguage: "English",
    opening: "开头",
    openingHint: "输入开头几个字，也可以不填",
    lines: "歌词，每一行都可以修改",
    write: "写歌词",
    stop: "停止",
    continue: "续写",
    undo: "撤销",
    copy: "复制",
    settings: "写作设置",
    safer: "稳妥",
    bolder: "大胆",
    rhymeNone: "不限",
    rhymeAll: "一韵到底",
    more: "更多设置",
    candidates: "备选句",
    otherCandidates: "换一批",
    searching: "正在寻找备选句……",
    noCandidates: "没有找到别的句子，请放宽要求再试。",
    writing: "正在写……",
    wrote: ({ lines, seed }) => (seed === null ? `共 ${lines} 行` : `共 ${lines} 行 · 种子 ${seed}`),
    unknown: (characters) => `模型不认识“${characters}”，已略去`,
    copied: (count, longest, window) =>
      count
        ? `有 ${count} 处与训练歌词连续 ${window} 字以上相同（最长 ${longest} 字），已用下划线标出`
        : `与训练歌词没有连续 ${window} 字以上的雷同`,
    taken: (number) => `第 ${number} 行已替换`,
    copiedText: "已复制",
  },
  en: {
    otherLanguage: "中文",
    opening: "Opening",
    openingHint: "First words (optional)",
    lines: "Lyrics; every line can be edited",
    write: "Write",
    stop: "Stop",
    continue: "Continue",
    undo: "Undo",
    copy: "Copy",
    settings: "Settings",
    safer: "safer",
    bolder: "bolder",
    rhymeNone: "none",
    rhymeAll: "all lines",
    more: "More settings",
    candidates: "Alternatives",
    otherCandidates: "Other suggestions",
    searching: "Looking for alternatives …",
    noCandidates: "No other line found. Try looser settings.",
    writing: "Writing …",
    wrote: ({ lines, seed }) => plural(lines, "line") + (seed === null ? "" : ` · seed ${seed}`),
    unknown: (characters) => `the model does not know “${characters}”; skipped`,
    copied: (count, longest, window) =>
      count
        ? `${plural(count, "passage")} of ${window} or more characters also in the training lyrics (longest: ${longest}), underlined`
        : `no passage of ${window} or more characters from the training lyrics`,
    taken: (number) => `line ${number} replaced`,
    copiedText: "copied",
  },
};
