package studio

import (
	"hotline/internal/menu/places"
	"hotline/internal/prompts"
)

// wording is what a sheet says to those who record: in the language that they speak.
type wording struct {
	title, intro, since, first, every string
	columns                           columns
	states                            map[State]string
	roles                             map[places.Role]string
	values                            map[prompts.Reading]string

	start, keys, code, anywhere, aside, outside, more string
	fragment, was, due, voice, seconds                string
	colon, recorded, checked                          string
}

// columns are the heads of a sheet.
type columns struct{ number, id, file, text, say, context, seconds, state string }

// inLanguage gives the wording for a language; those without one of their own read English.
func inLanguage(lang string) *wording {
	if lang == "zh" {
		return &chinese
	}
	return &english
}

var chinese = wording{
	title: "录音单 第 %d 号 · %s · %s · 共 %d 条",
	intro: "每条一个文件，文件名照“文件名”一栏（扩展名可以是 wav、mp3、wma、vox、ogg、flac、gsm、alaw、ulaw；最好用 wav，16 位，16 kHz 以上）。" +
		"读“文本”一栏的字，一字不改；【】标出这一条在整句里的位置，只录【】内的字。",
	since: "以第 %d 号录音单之后为准。", first: "此前没有录音单。", every: "包括已经录好的。",
	columns: columns{"序号", "编号", "文件名", "文本", "读法", "语境（在菜单何处播放）", "最长（秒）", "状态"},
	states:  map[State]string{New: "新录", Changed: "文本已改", Refused: "上次退回", Unnoted: "已有录音，未登记", Recorded: "已录，未变"},
	roles: map[places.Role]string{
		places.Greeting: "首次进入的问候", places.Intro: "选项之前", places.Option: "选项", places.Press: "选项与按键之间", places.Key: "按键名",
		places.Hint: "选项之后", places.Question: "请用户输入", places.Error: "按键或输入有误时", places.GaveUp: "多次有误之后",
		places.Wait: "等待系统答复时", places.Confirm: "请用户确认", places.Answer: "查询结果", places.Value: "读出的数", places.Result: "办理结果",
		places.Person: "转人工", places.Announce: "告知", places.Goodbye: "结束语",
	},
	values: map[prompts.Reading]string{prompts.Money: "金额", prompts.Number: "数", prompts.Digits: "号码", prompts.Phone: "电话号码", prompts.Time: "时间", prompts.Date: "日期", prompts.Month: "年月"},
	start:  "首层菜单", keys: "按 %s 后", code: "（代码 %s）", anywhere: "通话中随时", aside: "由系统转入", outside: "菜单以外（由交换机播放，或由运营人员放在业务之前）", more: "另有 %d 处",
	fragment: "数字的一部分，与前后相接播放：语调平稳，首尾不留停顿。", was: "原文本：%s", due: "通知 %s：须在 %s 之前上线", voice: "声音 %s", seconds: "%.1f",
	colon: "：", recorded: "录", checked: "听",
}

var english = wording{
	title: "Recording sheet %d · %s · %s · %d prompts",
	intro: "One file for each row, named as in the column “file” (wav, mp3, wma, vox, ogg, flac, gsm, alaw or ulaw; best is wav of 16 bit and 16 kHz or more). " +
		"Read the column “text” word by word; 【】 shows where it stands in what callers hear: record only what is within.",
	since: "What sheet %d did not ask for yet.", first: "There was no sheet before.", every: "With those that are recorded already.",
	columns: columns{"no.", "id", "file", "text", "how to say it", "context (where in the menus)", "max. seconds", "state"},
	states:  map[State]string{New: "new", Changed: "text changed", Refused: "refused last time", Unnoted: "recorded, not noted", Recorded: "recorded, unchanged"},
	roles: map[places.Role]string{
		places.Greeting: "greeting at the first visit", places.Intro: "before the options", places.Option: "option", places.Press: "between option and key", places.Key: "name of a key",
		places.Hint: "behind the options", places.Question: "asks for an entry", places.Error: "after a wrong key or entry", places.GaveUp: "after too many wrong ones",
		places.Wait: "while the caller waits", places.Confirm: "to be confirmed", places.Answer: "answer to a query", places.Value: "value", places.Result: "what came of it",
		places.Person: "on the way to a person", places.Announce: "announcement", places.Goodbye: "goodbye",
	},
	values: map[prompts.Reading]string{prompts.Money: "amount", prompts.Number: "number", prompts.Digits: "digits", prompts.Phone: "telephone number", prompts.Time: "time", prompts.Date: "date", prompts.Month: "month"},
	start:  "first menu", keys: "after keys %s", code: " (code %s)", anywhere: "at any time of a call", aside: "where the system leads", outside: "outside the menus (played by the switch, or put before a service by its operators)", more: "and %d more places",
	fragment: "Part of a spoken number, played among others: an even pitch, no pause before or after.", was: "It was: %s", due: "notice %s: live before %s", voice: "voice %s", seconds: "%.1f",
	colon: ": ", recorded: "rec.", checked: "heard",
}
