"""Readings of Chinese characters that a dictionary of phrases gets wrong in lines of songs.

pypinyin splits a line into the phrases that it knows and reads a character by its phrase. It knows neither every verb
with 不着, 得了 and the like, nor which sense a character has at the end of a line (还 is a verb there). Each rule below
is a character, a pattern of what stands before it, and its reading; the first rule that matches applies.
`zuoci.writing.rhyme.chinese` asks here first, with lines in simplified characters.

A rule with several readings is for a character that is sung in either way; the first is the more common one.
"""

from __future__ import annotations

import re
from functools import cache

_NUMBERS = "一二三四五六七八九十百千万两几数半0-9０-９"
# Adverbs before 地; those of the kinds 慢慢地, 突然地, 大声地, 一步一步地, 不停地 are recognised by their form.
_ADVERBS = (
    "温柔|轻柔|用力|努力|奋力|尽力|极力|全力|无力|有力|拼命|死命|没命|尽情|纵情|深情|热情|无情|绝情|多情|痴情|忘情|动情|真情|"
    "疯狂|狂热|猖狂|张狂|认真|天真|纯真|勇敢|果敢|安静|平静|冷静|宁静|寂静|轻易|容易|随意|任意|故意|有意|无意|刻意|满意|得意|恣意|"
    "快乐|幸福|自由|骄傲|孤单|孤独|寂寞|落寞|沉默|痛苦|悲伤|忧伤|忧郁|伤心|难过|心痛|心疼|开心|高兴|欢喜|欣喜|惊喜|欢快|愉快|痛快|飞快|"
    "赶快|尽快|小心|细心|用心|专心|真心|诚心|贴心|耐心|粗心|甘心|狠心|安心|放心|热心|仔细|详细|匆忙|慌忙|急忙|连忙|慌张|紧张|夸张|嚣张|"
    "温暖|残忍|坚忍|隐忍|倔强|坚强|顽强|勉强|要强|固执|执着|坚定|坚决|果断|干脆|彻底|完全|完整|完美|安全|简单|单纯|清楚|清晰|清醒|模糊|"
    "迷糊|糊涂|放肆|任性|理性|感性|随性|主动|被动|激动|感动|生动|机械|缓慢|迅速|快速|急速|火速|永远|永久|长久|持久|深刻|深沉|低沉|阴沉|"
    "无助|无奈|无辜|无畏|无悔|无声|茫然|反复|来回|轮流|独自|亲自|私自|擅自|暗自|各自|兀自|一直|直接|间接|慷慨|潇洒|洒脱|优雅|高雅|从容|"
    "虔诚|真诚|忠诚|诚恳|诚实|踏实|老实|切实|确实|真实|现实|着急|焦急|焦虑|不安|心安|平安|疲惫|疲倦|慵懒|懒散|懒惰|散漫|浪漫|傲慢|怠慢|"
    "骤|猛|蓦|忽|倏|陡|惊恐|恐惧|羞涩|害羞|胆怯|怯懦|笨拙|熟练|灵活|灵巧|轻巧|轻松|轻盈|轻快|轻声|轻浮|大胆|大方|大力|大步|快步|"
    "公开|公然|公平|平等|平凡|平淡|淡定|淡漠|冷漠|冷淡|冷酷|严肃|严厉|严格|凄凉|凄惨|悲惨|悲壮|悲哀|绝望|渴望|失望|无望|奢侈|卑微|卑鄙|"
    "坦诚|坦白|直白|明白|明确|明显|明目张胆|正确|准确|精确|精致|精彩|细致|别致|一致|陆续|继续|连续|持续|断续|不由自主|歇斯底里|彻头彻尾|"
    "义无反顾|奋不顾身|全心全意|身不由己|情不自禁|迫不及待|漫不经心|目不转睛|若无其事|理直气壮|心甘情愿|轻而易举|默契|亲切|急切|迫切|热切|关切|"
    "热烈|强烈|激烈|剧烈|猛烈|惨烈|热闹|吵闹|善良|善意|友好|美好|美丽|漂亮|明亮|响亮|嘹亮|巧妙|奇妙|微妙|神秘|秘密|亲密|甜蜜|紧密|严密|"
    "个人|心满意足|竭尽全力|斩钉截铁|语重心长|兴高采烈|津津有味|慢条斯理|大摇大摆|从头到尾|秘而不宣|漫无目的|毫无目的|频繁|机警|警觉|警惕|偷偷摸摸|艰难|艰辛|辛苦|辛勤|勤劳|勤奋|兴奋|愤怒|愤慨|愤恨|恼怒|暴怒|粗暴|粗鲁|野蛮|"
    "笔直|径直|正直|耿直|率直|坦率|草率|轻率|直率|统一|逐一|逐步|逐渐|日渐|稳步|徒步|同步|分别|特别|个别|格外|意外|例外|额外|局部|全部|最大限度"
)

_RULES: dict[str, tuple[tuple[str, str], ...]] = {
    "着": (
        (r"(?:妙|高|失|绝|支|怪|险|狠|棋高一|走为上|棋输先)", "zhao"),
        (r"(?:呼吸|寻找|查找|指点|点点|下沉|低沉|浮沉)", "zhe"),
        (r"[还仍正在]点|[还正在沉熟安昏酣甜]睡", "zhe"),  # lamps are 点着 zhe, a fire zháo
        (r"点", "zhao zhe"),
        (r"[不得睡]", "zhao"),  # 猜不着, 够得着, 睡着
    ),
    "了": (
        (r"(?:一目|甚了|时了|一了百|没完没|无休无|何时|几时|何日|何年|几曾)", "liao"),
        (r"[情缘怨爱恨心愿事债愁恩梦]难|[愿缘事情债怨]已", "liao"),
        (r"(?:^|[^舍恨怪顾要见由免巴算等记使笑弹认晓懂受当怨急怠耐忍少脱值])不得", "liao"),  # 好得不得了
        (r"(?:^|[就也才都又已只不])得|[值记懂觉认晓舍显获取赢难免省懒使求变落博惹贪听引乐]得", "le"),
        (r"得", "liao"),  # 受得了, 怎么得了
        (r"(?:^|[也都就我你他她它们再却还总又才可偏绝从本并后了])不", "le"),
        (r"不", "liao"),  # 忘不了
        (r"(?:^|[单不甚已便渐自很都也更])明", "liao"),
        (r"(?:[已先谁通告预须感深早得未不认全都]|我|你|他|她|们)知", "le"),
        (r"(?:知|[^办主]公|[^自无]私|[^最告始临年]终|[^周期岁年月季粉始]末|未)|^[公私终末]", "liao"),
        (r"(?:[^降来光面濒君登莅]|^)临", "liao"),
        (r".", "le"),
    ),
    "地": (
        (r"([亩块])\1", "di"),
        (
            r"(.)\1|(..)\2|一(.)(?:一|又一|接一|不)\3|然|声|[一这那同照怎]样|一般|似|似的|一样",
            "de",
        ),  # 慢慢地, 一步一步地
        (r"不[停断住安甘倦懈息眠休舍知觉禁偏顾屈羁朽]|(?:毫不|毫无|绝不|从不|永不)..", "de"),
        (r"不.不.|无.无.|没.没.|半.半.|自.自.|又.又.|有.有.|一.一.|不知不觉|不顾一切", "de"),
        (rf"[哗唰嗖噗砰啪轰嗡咚扑刷呼嗤咣哐噌腾]|(?:{_ADVERBS})", "de"),
    ),
    "的": ((r"[注盲醒夺节侧触满过刮炫闭瞑耳眉双题项数科书栏面]目|[目坐指商锦达座路音超]标|质|打", "de"),),
    "行": (
        (r"同|上|言一|步一|们一|人一|等一|(?:雨|雪|风|路|山|水|夜|梦|空|途|云|烟|林|画|旅)中", "xing"),
        (r"(?:^|[阴阳属缺命出合通土])五", "xing"),  # 金木水火土
        (rf"(?:[{_NUMBERS}]|每|这|哪|.那|泪|字|诗|雁|柳|成|多少)行?|^行", "hang"),
    ),
    "还": ((r"", "huan"),),
    "觉": (
        (r"[感知发察直错幻自惊味视听触嗅醒警顿先]", "jue"),
        (r"睡.{0,5}|[好懒午晚整补笼囵个场稳实美饱足一的]", "jiao"),
    ),
    "乐": (
        (r"怒哀", "le"),
        (r"[音奏配器声民弦管礼鼓军国雅俗仙滚响轻击钟舞圣曲竹]|爵士|室内|电子|中西|^哀", "yue"),
    ),
    "爪": (
        (r"(?:张牙舞|[鹰鸿鳞雪]|一鳞半)", "zhao"),
        (r"", "zhua zhao"),
    ),
    "薄": ((r"[命福情缘酒罗绵春凉]", "bo"),),
    "削": ((r"[剥瘦删减消]", "xue"), (r"", "xiao")),
    "剥": ((r"[盘吞活解]", "bo"), (r"", "bao")),
    "嚼": ((r"[咀大]", "jue"), (r"", "jiao")),
    "朴": ((r"[质俭淳纯古简素敦诚]", "pu"),),
    "模": ((r"装|一", "mu"),),
    "都": ((r"[们全我你他她它也切大人是么谁个俩样处天年时]", "dou"), (r".", "du")),
    "宿": ((r"[一半整两几三数八]", "xiu"),),
    "咽": ((r"[哽呜幽悲凝泣声鸣]", "ye"),),
    "差": ((r"[出邮当钦公信专听美]|鬼使神", "chai"),),
    "度": ((r"[揣忖测臆]|以己", "duo"),),
    "咯": ((r"", "lo"),),
    "呱": ((r"", "gua"),),
    "色": ((r"", "se"),),
    "肋": ((r"", "lei"),),
    "卜": ((r"萝", "bo"), (r"", "bu")),
}
_ONLY_AT_THE_END = "还都"  # elsewhere in a line these are mostly hái and dōu


def rule_reading(before: str, char: str, *, at_end: bool) -> tuple[str, ...]:
    """The readings of a character by the rules, without tone, the most common first; empty if no rule applies.

    Args:
        before: the Chinese characters before it, in simplified writing.
        char: the character.
        at_end: whether the line ends with it.
    """
    if char in _ONLY_AT_THE_END and not at_end:
        return ()
    for pattern, reading in _compiled().get(char, ()):
        if pattern.search(before[-_LONGEST:]):
            return tuple(reading.split())
    return ()


def rule_readings(char: str) -> frozenset[str]:
    """All readings that `rule_reading` can give a character."""
    return frozenset(" ".join(reading for _, reading in _RULES.get(char, ())).split())


_LONGEST = 12  # characters that a pattern looks back


@cache
def _compiled() -> dict[str, list[tuple[re.Pattern[str], str]]]:
    return {
        char: [(re.compile(f"(?:{pattern})\\Z"), reading) for pattern, reading in rules]
        for char, rules in _RULES.items()
    }
