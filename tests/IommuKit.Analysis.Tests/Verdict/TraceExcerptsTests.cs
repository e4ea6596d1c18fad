using IommuKit.Analysis.Verdict;

namespace IommuKit.Analysis.Tests.Verdict;

public sealed class TraceExcerptsTests : IDisposable
{
    private const int Lines = 3000;

    private readonly string _file = Path.GetTempFileName();

    public TraceExcerptsTests() => File.WriteAllLines(_file, Enumerable.Range(1, Lines).Select(line => FormattableString.Invariant(
        $" t{line}-7 [001] .... 1.{line:000000}: map: IOMMU: iova=0x{line:x}000 - 0x{line + 1:x}000 paddr=0x5000 size=4096")));

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData(1, 1, 4)]
    [InlineData(2, 1, 5)]
    [InlineData(1500, 1498, 1503)]
    [InlineData(Lines, Lines - 2, Lines)]
    public void An_excerpt_has_what_is_before_and_behind(long line, long first, long last)
    {
        var excerpt = TraceExcerpts.Read(_file, [line])[line];

        excerpt.Select(one => one.Event.Line).ShouldBe(Enumerable.Range((int)first, (int)(last - first + 1)).Select(one => (long)one));
        var itself = excerpt.Single(one => one.Event.Line == line);
        itself.Event.Iova.ShouldBe((ulong)line << 12);
        (itself.Cpu, itself.Task, itself.Message).ShouldBe((1, FormattableString.Invariant($"t{line}-7"), string.Empty));
    }

    [Fact]
    public void Excerpts_that_overlap_are_each_whole_and_lines_that_are_not_there_have_none()
    {
        var excerpts = TraceExcerpts.Read(_file, [11, 10, 10, 0, 2500, Lines + 1]);

        excerpts.Keys.Order().ShouldBe([10, 11, 2500]);
        excerpts.Values.ShouldAllBe(excerpt => excerpt.Count == TraceExcerpts.Before + 1 + TraceExcerpts.Behind);
        TraceExcerpts.Read("/there/is/no/such/file", [0]).ShouldBeEmpty();
    }
}
