using System.Globalization;
using System.Text.RegularExpressions;

namespace IommuKit.Traces.Faults;

/// <summary>Finds the time in what a log has in front of a message.</summary>
/// <remarks>
/// <code>
/// [   12.345678] …                          dmesg, consoles; and &lt;3&gt;[   12.345678] … of dmesg -r
/// [   12.345678] [T151] …                   with the task
/// [Thu Nov 26 02:15:52 2026] …              dmesg -T
/// Nov 26 02:15:52 host kernel: …            journalctl, syslog
/// 2026-11-26T02:15:52.123456+00:00 host …   journalctl -o short-iso, rsyslog
/// </code>
/// Where several stand in front, as when the lines of two writers run together, the last is the one of the message; but seconds since the start go
/// before any date.
/// </remarks>
internal static partial class KernelLogTime
{
    private const int FractionDigits = 9;

    // Times of day without a year get this one. It has a 29 February.
    private const int SomeYear = 2000;

    private static readonly string[] Dates =
    [
        "ddd MMM d HH:mm:ss yyyy", "MMM d HH:mm:ss", "yyyy-MM-ddTHH:mm:ss", "yyyy-MM-dd HH:mm:ss",
    ];

    /// <summary>The time that stands last in a text; negative, with no clock, if none does.</summary>
    public static (long Nanoseconds, LogClock Clock) Of(string before)
    {
        Match? last = null;
        for (var match = Boot().Match(before); match.Success; match = match.NextMatch())
        {
            last = match;
        }

        if (last is not null && long.TryParse(last.Groups["seconds"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds))
        {
            string fraction = last.Groups["fraction"].Value.PadRight(FractionDigits, '0');
            return ((seconds * 1_000_000_000) + long.Parse(fraction, CultureInfo.InvariantCulture), LogClock.Boot);
        }

        for (var match = Wall().Match(before); match.Success; match = match.NextMatch())
        {
            last = match;
        }

        return last is not null && TryReadDate(last, out long nanoseconds) ? (nanoseconds, LogClock.Wall) : (-1, LogClock.None);
    }

    /// <summary>Splits a line before each but the first time since the start in it: each begins a message.</summary>
    public static IEnumerable<string> Split(string line)
    {
        int start = 0;
        var match = Boot().Match(line);
        for (match = match.NextMatch(); match.Success; match = match.NextMatch())
        {
            yield return line[start..match.Index];
            start = match.Index;
        }

        yield return line[start..];
    }

    private static bool TryReadDate(Match match, out long nanoseconds)
    {
        string text = match.Groups["date"].Value;
        text = Blanks().Replace(text, " ");
        foreach (string format in Dates)
        {
            string full = format.Contains("yyyy", StringComparison.Ordinal) ? format : $"yyyy {format}";
            string dated = ReferenceEquals(full, format) ? text : string.Create(CultureInfo.InvariantCulture, $"{SomeYear} {text}");
            const DateTimeStyles style = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
            if (DateTime.TryParseExact(dated, full, CultureInfo.InvariantCulture, style, out var date)
                && date >= DateTime.UnixEpoch && date.Year < 2200)
            {
                nanoseconds = (date - DateTime.UnixEpoch).Ticks * 100;
                if (match.Groups["parts"] is { Success: true } parts)
                {
                    nanoseconds += long.Parse(parts.Value.PadRight(FractionDigits, '0'), CultureInfo.InvariantCulture);
                }

                return true;
            }
        }

        nanoseconds = -1;
        return false;
    }

    [GeneratedRegex(@"\[\s{0,12}(?<seconds>\d{1,9})\.(?<fraction>\d{1,9})\]", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Boot();

    [GeneratedRegex(
        @"(?<date>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
            + @"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)([.,](?<parts>\d{1,9}))?",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex Wall();

    [GeneratedRegex(" {2,}", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Blanks();
}
