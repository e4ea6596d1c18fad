using FsCheck;
using FsCheck.Fluent;
using IommuKit.Traces.Files;

namespace IommuKit.Traces.Tests;

public sealed class TraceTimeTests : IDisposable
{
    private const string Map = "map: IOMMU: iova=0x0 - 0x1000 paddr=0x2000 size=4096";
    private const string Unmap = "unmap: IOMMU: iova=0x0 - 0x1000 size=4096 unmapped_size=4096";

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData("  kworker/u4:1-25      [000]      7.546431: {0}", 7_546_431_000)]
    [InlineData("    kworker/u4:1-25    [000]     7.546431: {1}", 7_546_431_000)]
    [InlineData("           iolab   128 [000]    24.330589:   iommu:{0}", 24_330_589_000)]
    [InlineData("           iolab   128/128   [000]    24.330589123:   iommu:{0}", 24_330_589_123)]
    [InlineData("              ip-107     (    107) [001] .....            4: {0}", -1)]
    [InlineData("    kworker/u4:1      25   0 36 00000000 00000000 [0073263f] 556.819ms (+0.803ms): {0}", 7_546_431_000)]
    [InlineData("kworker/-25        0..... 572484us!: {0}", 572_484_000)]
    [InlineData("kworker/-25        0..... 572484us : {0}", 572_484_000)]
    [InlineData("kworker/-25        0.....      5: {0}", -1)]
    [InlineData("0073263f] 556.819ms (+0.803ms): {0}", -1)]
    [InlineData(" us: {0}", -1)]
    [InlineData("{0}", -1)]
    [InlineData(" weird: 1.5: name-1 [000] 1.5: {0}", 1_500_000_000)]
    public void What_stands_before_the_event_may_be_anything(string line, long time)
    {
        const string fields = "IOMMU: iova=0x0 - 0x1000 paddr=0x2000 size=4096";
        Read(string.Format(line, "map: " + fields, "map:                  " + fields))
            .ShouldBe([new TraceEvent(TraceEventKind.Map, 1, time, 0, 0x2000, 4096)]);
    }

    /// <summary>Seconds and fractions of every length, some of them beyond what a clock prints.</summary>
    [Fact]
    public void Any_seconds_are_read_exactly()
    {
        var time =
            from seconds in Gen.Choose(1, 12).SelectMany(Digits)
            from fraction in Gen.Choose(0, 11).SelectMany(Digits)
            from point in Gen.Elements(".", ".", ".", ".", "", "..", "x")
            from before in Gen.Elements("init-1 [000] ", "  init-1 [000]      ", "", "[000]", "init-1 [000] x", "\t")
            from colon in Gen.Elements(": ", ": ", ": ", ":  ", " : ", " ")
            select (Text: seconds + point + fraction, Before: before, Colon: colon);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(200), Prop.ForAll(time.ArrayOf(20).ToArbitrary(), times =>
        {
            var events = Read([.. times.Select((t, index) => $"{t.Before}{t.Text}{t.Colon}{(index % 2 == 0 ? Map : Unmap)}")]);
            events.Select(e => e.Nanoseconds).ShouldBe(times.Select(t => Expected(t.Before + t.Text, t.Colon)));
        }));

        static Gen<string> Digits(int count) => Gen.Choose('0', '9').Select(digit => (char)digit).ArrayOf(count).Select(digits => new string(digits));
    }

    /// <summary>Nanoseconds of the last word, if a colon follows it and it is a decimal fraction that a clock can print.</summary>
    private static long Expected(string text, string colon)
    {
        string word = text[(text.LastIndexOf(' ') + 1)..];
        string[] parts = word.Split('.');
        return colon.Contains(':') && parts is [{ Length: >= 1 }, { Length: >= 1 and <= 9 }] && parts.All(part => part.All(char.IsAsciiDigit))
            && decimal.Parse(parts[0]) <= long.MaxValue / 2_000_000_000
            ? (long)(decimal.Parse(word, System.Globalization.CultureInfo.InvariantCulture) * 1_000_000_000)
            : -1;
    }

    private List<TraceEvent> Read(params string[] lines)
    {
        File.WriteAllLines(_path, lines);
        using var reader = TraceFile.Open(_path);
        var events = new List<TraceEvent>();
        while (reader.Read(out var traceEvent))
        {
            events.Add(traceEvent);
        }

        return events;
    }
}
