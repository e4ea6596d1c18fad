using IommuKit.Domains;
using IommuKit.PageTables;

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
        Refuses(format, setup => setup with { SplitsPages = true, Release = TableRelease.WhenEmpty });
    }

    [Theory, EveryFormat]
    public void Tables_must_be_where_the_walker_can_reach_them(string format) =>
        Refuses(format, setup => setup with { OutputBits = 20 });

    [Theory, EveryFormat]
    public void There_must_be_memory_for_the_root(string format) =>
        Should.Throw<IommuException>(() => TableSetups.Make(format, setup => setup with { MemoryLimit = 0 })).Error.ShouldBe(IommuError.ENOMEM);

    private static void Refuses(string format, Func<TableSetup, TableSetup> change) =>
        Should.Throw<ArgumentException>(() => TableSetups.Make(format, change));
}
