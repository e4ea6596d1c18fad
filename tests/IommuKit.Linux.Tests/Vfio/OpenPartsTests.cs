using IommuKit.Linux.Vfio;

namespace IommuKit.Linux.Tests.Vfio;

/// <summary>What is open of a device: nothing of it is kept that was closed by itself.</summary>
public class OpenPartsTests
{
    [Fact]
    public void A_part_that_is_closed_is_not_kept()
    {
        var parts = new OpenParts();
        for (int i = 0; i < 1000; i++)
        {
            var part = new Part(parts);
            parts.TryAdd(part).ShouldBeTrue();
            parts.Count.ShouldBe(1);
            part.Dispose();
            part.Dispose();
            parts.Count.ShouldBe(0);
        }
    }

    [Fact]
    public void All_parts_go_with_the_whole_once_each_and_no_more_come()
    {
        var parts = new OpenParts();
        Part[] all = [.. Enumerable.Range(0, 5).Select(_ => new Part(parts))];
        all.ShouldAllBe(part => parts.TryAdd(part));
        all[2].Dispose();

        parts.Close();
        parts.Close();
        all.ShouldAllBe(part => part.Closings == 1);
        parts.Count.ShouldBe(0);
        parts.TryAdd(new Part(parts)).ShouldBeFalse();
        parts.Count.ShouldBe(0);
    }

    private sealed class Part(OpenParts parts) : IDisposable
    {
        public int Closings { get; private set; }

        public void Dispose()
        {
            if (Closings == 0)
            {
                Closings++;
                parts.Remove(this);
            }
        }
    }
}
