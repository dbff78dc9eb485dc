"""The words of which the labels of credits are made: roles, instruments, and what binds them.

A label is a role if nothing is left of it when all these words are taken away: 和声编写 is 和声 and 编写, `Mixing
Engineer` is two of the words, 老师 is none of them.
"""

from __future__ import annotations

import re


def _words(text: str) -> list[str]:
    return text.split()


# Traditional and Japanese forms of the characters below.
_FORMS = str.maketrans(
    "詞編錄録帶監總発發樂楽聲声鍵貝師員團隊製劃畫鋼號譜譯電視頻術設計導鳴謝與調処處縮宣傳營權協統籌執務經紀書顧問間軸攝動"
    "琴絃組長圖錢給課風雙單簧薩剋撥揮詩腳劇對檔專輯點業審鑑責編號揚國語歌來藝擊後採樣獨誦領響終場",
    "词编录录带监总发发乐乐声声键贝师员团队制划画钢号谱译电视频术设计导鸣谢与调处处缩宣传营权协统筹执务经纪书顾问间轴摄动"
    "琴弦组长图钱给课风双单簧萨克拨挥诗脚剧对档专辑点业审鉴责编号扬国语歌来艺击后采样独诵领响终场",
)
_CHINESE = _words("""
作词 填词 写词 词作 原词 改词 作曲 谱曲 曲作 原曲 改曲 词曲 曲词 词 曲 编曲 改编 编配 配器 编写 编舞 编创 创作 原作
演绎 制作 制作人 总制作 制片 监制 出品 联合 总监 音乐 音频 艺人 艺术 执行 统筹 协力 支持 鸣谢 感谢 特别 录音 录制
混音 混缩 混录 缩混 母带 后期 后制 处理 调音 修音 音准 剪辑 编辑 音效 音响 采样 人声 和声 和音 合音 合声 伴唱 伴奏
合唱 童声 配唱 演唱 原唱 翻唱 主唱 主音 说唱 念白 念诵 独白 朗诵 旁白 吟唱 领唱 歌手 歌唱 歌者 唱 歌 表演 演奏 吉他
电吉他 木吉他 民谣 古典 贝斯 贝司 低音 鼓 架子鼓 爵士 键盘 钢琴 合成器 弦乐 管乐 铜管 木管 提琴 小提琴 中提琴 大提琴
长笛 双簧管 单簧管 黑管 萨克斯 萨克斯风 小号 长号 圆号 口琴 手风琴 竖琴 打击 打击乐 二胡 高胡 古筝 古琴 琵琶 笛 竹笛
笛子 箫 唢呐 尺八 马头琴 三弦 阮 中阮 扬琴 柳琴 笙 葫芦丝 民乐 国乐 交响 管弦 乐团 乐队 乐手 乐器 弦 指挥 首席 程序
编程 打碟 口哨 手鼓 风琴 管风琴 电子 工程 助理 助手 设计 美术 美工 视觉 摄影 导演 编剧 剧本 文案 策划 企划 宣传 宣发
推广 营销 运营 发行 版权 公司 工作室 录音室 录音棚 混音室 混音棚 商务 法务 经纪 项目 制作组 封面 海报 插画 曲绘 画师
绘图 绘画 绘制 题字 书法 字幕 视频 动画 后期制作 调教 调校 翻译 校对 审听 时间轴 歌词 提供 来源 上传 出版 授权 代理
录 混 母带处理 缩 专辑 单曲 收录 主题曲 片尾曲 插曲 发布 发起 组织 平台 单位 地点 时间 日期 协助 指导 顾问 原创 作者
词作者 曲作者 作詞者 古风 数字 音源 弹唱 弹奏 唱片 曲风 所属 语种 语言 品牌 市场 行政 财务 场地 设备 技术 总策划 负责
负责人 责任 整体 全曲 版本 感谢名单 工程师 制谱 记谱
""")
_SUFFIXES = _words("""
和 及 与 暨 人 师 手 者 员 家 组 团 队 室 棚 方 部 总 副 主 大 小 中 电 木 男 女 高 低 们
""")
_OTHERS = _words("""
作詞 作曲 編曲 唄 歌唱 調声 絵 映像 ミックス ミキシング マスタリング ギター ベース ドラム ドラムス キーボード ピアノ
イラスト ストリングス ボーカル ヴォーカル コーラス アレンジ プロデュース プロデューサー エンジニア レコーディング
작사 작곡 편곡 노래 가수 보컬 프로듀서 믹싱 마스터링 기타 베이스 드럼 피아노 코러스 текст слова музыка аранжировка
paroles musique compositeur auteur letra música musica autor compositor arreglos testo musik text komponist texter
""")
_ENGLISH = _words("""
lyric lyrics lyricist words music musician musical composer composed composers composition compose songwriter
songwriters songwriting song writer writers written author arranger arrangers arranged arrangement arrangements arr
producer producers produced production executive co mix mixed mixing mixer mixdown remix remixed remixer master
mastered mastering recording recorded record records recordist engineer engineers engineered engineering vocal vocals
vocalist voice singer singers sung sing sings backing background harmony harmonies chorus choir guitar guitars
guitarist acoustic electric bass bassist drum drums drummer keyboard keyboards keys piano pianist synth synths
synthesizer strings string violin violins viola cello sax saxophone trumpet trombone flute horn horns brass
percussion programming programmer programmed program dj scratch artist artists performer performed performers
featuring featured feat ft label publisher publishers published publishing copyright studio studios assistant
additional director directed art design designer designed cover photography photographer photo video editing edited
edit editor digital a&r midi op sp oa isrc iswc pv mv cv bgm pgm daw staff original sub translation translated
translator subtitle conductor conducted orchestra orchestration lead rap rapper rapped sound samples sample sampling
instruments instrumentation administrative administration management manager project supervisor supervised
coordinator distribution distributed distributor released release licensed courtesy illustration illustrator
illustrated animation planning credits source upload uploaded uploader beat beats beatmaker
""")
_BINDING = ["by", "and", "for", "of", "the", "at", "on", "in"]

_CJK_WORDS = sorted({word.translate(_FORMS) for word in [*_CHINESE, *_OTHERS]} | set(_SUFFIXES), key=len, reverse=True)
_ROLE = re.compile("|".join(map(re.escape, _CJK_WORDS)))
_ALONE = re.compile(f"(?:{_ROLE.pattern})+")
_LATIN = frozenset([*_ENGLISH, *(word for word in _OTHERS if word.isascii())])
_JOINTS = re.compile(r"[\s/／、,，&＆+＋·•・.\-—_|｜()（）【】\[\]]+")


def is_role(label: str) -> bool:
    """Whether a label consists of words for roles and nothing else."""
    label = re.sub(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])", "", label.strip().lower().translate(_FORMS))
    if "a&r" in label:
        label = label.replace("a&r", "artist")
    known = False
    for word in filter(None, re.split(r"([a-zà-ÿ']+|[а-яё]+)|\d+", re.sub(r"(?<=[a-z])\.(?=[a-z]|$)", "", label))):
        for piece in filter(None, _JOINTS.split(word)):
            if piece in _LATIN or piece in _OTHERS:
                known = True
            elif piece in _BINDING:
                continue
            elif _ALONE.fullmatch(piece):
                known = known or piece not in _SUFFIXES
            else:
                return False
    return known
