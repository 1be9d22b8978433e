package prompts

import "testing"

func TestMandarinReadings(t *testing.T) {
	c := load(t, "a: 您好\n")
	for _, r := range []struct {
		how  Reading
		n    int64
		want string
	}{
		{Number, 0, "零"}, {Number, 2, "二"}, {Number, 10, "十"}, {Number, 12, "十二"}, {Number, 20, "二十"},
		{Number, 105, "一百零五"}, {Number, 110, "一百一十"}, {Number, 115, "一百一十五"}, {Number, 222, "二百二十二"},
		{Number, 1010, "一千零一十"}, {Number, 2002, "两千零二"}, {Number, 2222, "两千二百二十二"},
		{Number, 10000, "一万"}, {Number, 10086, "一万零八十六"}, {Number, 22000, "两万两千"},
		{Number, 100000, "十万"}, {Number, 105000, "十万五千"}, {Number, 100500, "十万零五百"}, {Number, 120000, "十二万"},
		{Number, 100_005_000, "一亿零五千"}, {Number, 100_500_000, "一亿零五十万"}, {Number, 200_020_000, "两亿零两万"},
		{Number, 1_010_000_010, "十亿一千万零一十"}, {Number, 1e12, "一万亿"}, {Number, -12, "负十二"},
		{Money, 0, "零元"}, {Money, 5, "五分"}, {Money, 50, "五角"}, {Money, 53, "五角三分"}, {Money, 200, "两元"},
		{Money, 5850, "五十八元五角"}, {Money, 10003, "一百元零三分"}, {Money, 10253, "一百零二元五角三分"},
		{Money, 22, "两角两分"}, {Money, 1000, "十元"}, {Money, -1250, "负十二元五角"}, {Money, 1e14, "一万亿元"},
		{Digits, 0, "零"}, {Digits, 1, "一"}, {Digits, 10086, "幺零零八六"}, {Digits, 9223372036854775807, "九二二三三七二零三六八五四七七五八零七"},
		{Date, 20261001, "二零二六年十月一日"}, {Date, 20110222, "二零一一年二月二十二日"}, {Date, 19991231, "一九九九年十二月三十一日"},
		{Time, 0, "零点"}, {Time, 5, "零点零五分"}, {Time, 100, "一点"}, {Time, 200, "两点"}, {Time, 202, "两点零二分"}, {Time, 212, "两点十二分"},
		{Time, 1000, "十点"}, {Time, 1005, "十点零五分"}, {Time, 1010, "十点十分"}, {Time, 1200, "十二点"}, {Time, 1830, "十八点三十分"}, {Time, 2222, "二十二点二十二分"},
		{Phone, 13800000001, "幺三八，零零零零，零零零幺"}, {Phone, 10086, "幺零零八六"}, {Phone, 110, "幺幺零"},
		{Month, 202610, "二零二六年十月"}, {Month, 200002, "二零零零年二月"}, {Date, 99991231, "九九九九年十二月三十一日"},
	} {
		if got := c.Text("zh", Ref{Read: r.how, N: r.n}); got != r.want {
			t.Errorf("%s(%d) is read %s, want %s", r.how, r.n, got, r.want)
		}
	}
}
