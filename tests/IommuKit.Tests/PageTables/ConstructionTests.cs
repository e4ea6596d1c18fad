using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.PageTables;

public class ConstructionTests
{
    [Theory, EveryFormat]
    public void Options_that_the_format_cannot_do(string format)
    {
        ulong pageSizes;
        using (var table = TableSetups.Make(format))
        {
            pageSizes = table.PageSizes;
        }

        Refuses(format, setup => setup with { OutputBits = 0 });
        Refuses(format, setup => setup with { OutputBits = 65 });
        Refuses(format, setup => setup with { InputBits = 0 });
        Refuses(format, setup => setup with { InputBits = 65 });
        Refuses(format, setup => setup with { PageSizes = pageSizes | (1ul << 11) });
        Refuses(format, setup => setup with { PageSizes = 1ul << 63 });
    }

    [Theory, EveryFormat]
    public void Tables_must_be_where_the_walker_can_reach_them(string format) =>
        Refuses(format, setup => setup with { OutputBits = 20 });

    [Theory, EveryFormat]
    public void There_must_be_memory_for_the_root(string format) =>
        Should.Throw<IommuException>(() => TableSetups.Make(format, setup => setup with { MemoryLimit = 0 })).Error.ShouldBe(IommuError.ENOMEM);

    private static void Refuses(string format, Func<TableSetup, TableSetup> change) =>
        Should.Throw<ArgumentException>(() => TableSetups.Make(format, change));

    // A root may be shorter than the tables below it, and then be where none of those would fit.
    [Fact]
    public void A_short_root_may_lie_at_the_end_of_memory()
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        var allocator = new PageAllocator(memory.CpuView, memory.Length - 4096, 4096);
        var options = new PageTableOptions { InputBits = 48, OutputBits = 48 };
        using var table = new PageTable<ArmLpae<ArmGranule64K, ArmStage1>>(options, allocator);
        table.TryTranslate(0, out _).ShouldBeFalse();
        table.TryFindNext(0, ulong.MaxValue, out _).ShouldBeFalse();
        var sink = new RecordingSink(new FootprintLog(allocator, 16));
        table.Map(0, 0, 1 << 16, Protection.Read, ref sink).ShouldBe(IommuError.ENOMEM);
        table.Unmap(0, 1 << 16, ref sink).ShouldBe(0ul);
    }
}
