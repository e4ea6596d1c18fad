using System.Text.Json;
using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Tests.Machines;

public class OperationCountsTests
{
    [Fact]
    public void Names_are_those_of_cost_files_and_lead_back_to_the_kinds()
    {
        // Cost files and outputs have these names; none may change.
        OperationKinds.All.Select(OperationKinds.NameOf).ShouldBe(
        [
            "map_call", "unmap_call", "range_mapped", "entry_stored", "run_stored", "line_cleaned", "barrier", "register_write", "register_read",
            "table_allocated", "table_freed", "command", "doorbell", "request", "clean_call", "wait",
        ]);
        OperationKinds.Purposes.Select(OperationKinds.NameOf).ShouldBe(["table_cache", "tlb", "completion", "other"]);
        OperationKinds.All.ShouldAllBe(kind => OperationKinds.Find(OperationKinds.NameOf(kind)) == kind);
        OperationKinds.Find("RegisterWrite").ShouldBeNull();
    }

    [Fact]
    public void Every_kind_and_purpose_is_counted_apart()
    {
        var counts = default(OperationCounts);
        long next = 1;
        var expected = new Dictionary<(OperationKind, OperationPurpose), long>();
        foreach (var (kind, purpose) in Cells())
        {
            counts.Add(kind, purpose, next);
            expected[(kind, purpose)] = next;
            next *= 2;
        }

        foreach (var (kind, purpose) in Cells())
        {
            counts[kind, purpose].ShouldBe(expected[(kind, purpose)]);
        }

        foreach (var kind in OperationKinds.All)
        {
            long sum = expected.Where(cell => cell.Key.Item1 == kind).Sum(cell => cell.Value);
            counts[kind].ShouldBe(sum);
            counts.ToVector()[(int)kind].ShouldBe(sum);
        }

        counts.For(OperationPurpose.Tlb).ShouldBe(expected.Where(cell => cell.Key.Item2 == OperationPurpose.Tlb).Sum(cell => cell.Value));
        counts.Maintenance.ShouldBe(
            counts[OperationKind.RegisterWrite] + counts[OperationKind.RegisterRead] + counts[OperationKind.LineCleaned]
            + counts[OperationKind.Command] + counts[OperationKind.Doorbell] + counts[OperationKind.Request]);
    }

    [Fact]
    public void A_difference_is_what_was_added_and_takes_no_memory()
    {
        var before = Random(1);
        var after = before;
        foreach (var (kind, purpose) in Cells())
        {
            after.Add(kind, purpose, 7);
        }

        var added = after - before;
        Cells().ShouldAllBe(cell => added[cell.Kind, cell.Purpose] == 7);
        (after - after).ShouldBe(default);
        (after == before).ShouldBeFalse();
        (after != before).ShouldBeTrue();

        long allocated = GC.GetAllocatedBytesForCurrentThread();
        long sum = 0;
        for (int i = 0; i < 1000; i++)
        {
            sum += (after - before)[OperationKind.RegisterWrite];
        }

        (GC.GetAllocatedBytesForCurrentThread() - allocated).ShouldBe(0);
        sum.ShouldBe(1000 * 5 * 7);
    }

    [Fact]
    public void Hardware_and_software_of_two_counts_can_be_put_together()
    {
        var software = Random(2);
        var hardware = Random(3);
        var both = software.WithHardwareOf(hardware);
        foreach (var (kind, purpose) in Cells())
        {
            both[kind, purpose].ShouldBe(kind.IsOfHardware() ? hardware[kind, purpose] : software[kind, purpose]);
        }
    }

    [Fact]
    public void What_has_no_purpose_takes_none()
    {
        var counts = default(OperationCounts);
        Should.Throw<ArgumentException>(() => counts.Add(OperationKind.Barrier, OperationPurpose.Tlb, 1)).ParamName.ShouldBe("purpose");
    }

    [Fact]
    public void Json_has_all_of_it()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var counts = Random(seed);
            JsonSerializer.Deserialize<OperationCounts>(JsonSerializer.Serialize(counts)).ShouldBe(counts);
        }

        var few = default(OperationCounts);
        few.Add(OperationKind.Barrier, 2);
        few.Add(OperationKind.RegisterWrite, OperationPurpose.Tlb, 3);
        JsonSerializer.Serialize(few).ShouldBe("""{"barrier":2,"register_write":{"tlb":3}}""");
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("""{"barriers":1}""")]
    [InlineData("""{"barrier":{"tlb":1}}""")]
    [InlineData("""{"register_write":1}""")]
    [InlineData("""{"register_write":{"root":1}}""")]
    [InlineData("""{"register_write":{"tlb":{}}}""")]
    [InlineData("""{"barrier":1.5}""")]
    [InlineData("""{"barrier":99999999999999999999}""")]
    [InlineData("""{"barrier":"1"}""")]
    [InlineData("""{"barrier":null}""")]
    public void Other_json_is_refused(string json) => Should.Throw<JsonException>(() => JsonSerializer.Deserialize<OperationCounts>(json));

    private static IEnumerable<(OperationKind Kind, OperationPurpose Purpose)> Cells() =>
        from kind in OperationKinds.All
        from purpose in kind.HasPurpose() ? Enum.GetValues<OperationPurpose>() : [OperationPurpose.None]
        select (kind, purpose);

    private static OperationCounts Random(int seed)
    {
        var random = new Random(seed);
        var counts = default(OperationCounts);
        foreach (var (kind, purpose) in Cells())
        {
            counts.Add(kind, purpose, random.Next(3) == 0 ? 0 : random.NextInt64(1L << 40));
        }

        return counts;
    }
}
