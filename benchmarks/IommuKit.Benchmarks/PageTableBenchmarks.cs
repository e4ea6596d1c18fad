using BenchmarkDotNet.Attributes;
using IommuKit.Cli.HostTime;
using IommuKit.Lab.Iommus;
using IommuKit.Specs.Amd;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.RiscV;
using IommuKit.Specs.Tegra;
using IommuKit.Specs.Vtd;

namespace IommuKit.Benchmarks;

/// <summary>
/// The rows of <c>iommukit bench --format</c>: the same work. An operation is a map and the unmap that undoes it, or as many
/// look-ups or stores as the benchmark says.
/// </summary>
/// <typeparam name="TFormat">The format.</typeparam>
[MemoryDiagnoser]
[GenericTypeArguments(typeof(ArmLpae<ArmGranule4K, ArmStage1>))]
[GenericTypeArguments(typeof(ArmShortFormat))]
[GenericTypeArguments(typeof(RiscVFormat<Sv48>))]
[GenericTypeArguments(typeof(VtdSecondStageFormat))]
[GenericTypeArguments(typeof(AmdV1Format))]
[GenericTypeArguments(typeof(TegraFormat))]
public class PageTableBenchmarks<TFormat>
    where TFormat : struct, IPageTableFormat
{
    private const int LookUps = 4096;

    private FormatWorkloads<TFormat> _works = null!;
    private FillLoop _fill = null!;
    private PairWork _page = null!;
    private PairWork _pages = null!;
    private PairWork _table = null!;
    private PairWork _block = null!;
    private PairWork _coldPage = null!;
    private PairWork _coldTables = null!;
    private PairWork _list = null!;
    private PairWork _longList = null!;
    private PairWork _domainPage = null!;
    private PairWork _domainPages = null!;
    private LoopWork _hot = null!;
    private LoopWork _random = null!;
    private LoopWork _dependent = null!;

    [GlobalSetup]
    public void SetUp()
    {
        _works = new FormatWorkloads<TFormat>(FormatCatalog.Find(TFormat.Name)!);
        _fill = _works.Fill();
        _page = _works.Pages(1, maxSlots: 1);
        _pages = _works.Pages(32, maxSlots: 1);
        _table = _works.Pages(FormatWorkloads<TFormat>.PagesOfTable, maxSlots: 1);
        _block = _works.Blocks(maxSlots: 1);
        _coldPage = _works.Cold(1, maxSlots: 1);
        _coldTables = _works.Cold(9 * FormatWorkloads<TFormat>.TableEntries, maxSlots: 1);
        _list = _works.Lists(32, maxSlots: 1);
        _longList = _works.Lists(512, maxSlots: 1);
        _domainPage = _works.Domain(1, maxSlots: 1);
        _domainPages = _works.Domain(32, maxSlots: 1);
        _hot = _works.LookUps(LookUpOrder.Sequential);
        _random = _works.LookUps(LookUpOrder.Random);
        _dependent = _works.LookUps(LookUpOrder.Dependent);
        foreach (var work in (PairWork[])[_page, _pages, _table, _block, _coldPage, _coldTables, _list, _longList, _domainPage, _domainPages])
        {
            work.DoVerified();
        }
    }

    [GlobalCleanup]
    public void CleanUp() => _works.Dispose();

    /// <summary>The store limit: one table filled.</summary>
    [Benchmark(Baseline = true)]
    public void FillTable() => _fill.Run(_fill.Entries);

    [Benchmark]
    public void Page() => Do(_page);

    [Benchmark]
    public void Pages32() => Do(_pages);

    [Benchmark]
    public void MostOfATable() => Do(_table);

    [Benchmark]
    public void Block() => Do(_block);

    [Benchmark]
    public void ColdPage() => Do(_coldPage);

    /// <summary>Nine tables made and filled, and dropped as they are.</summary>
    [Benchmark]
    public void ColdTables() => Do(_coldTables);

    [Benchmark]
    public void List32() => Do(_list);

    [Benchmark]
    public void List512() => Do(_longList);

    [Benchmark]
    public void DomainPage() => Do(_domainPage);

    [Benchmark]
    public void DomainPages32() => Do(_domainPages);

    [Benchmark(OperationsPerInvoke = LookUps)]
    public void LookUpHot() => _hot.Run(LookUps);

    [Benchmark(OperationsPerInvoke = LookUps)]
    public void LookUpRandom() => _random.Run(LookUps);

    [Benchmark(OperationsPerInvoke = LookUps)]
    public void LookUpDependent() => _dependent.Run(LookUps);

    private static void Do(PairWork work)
    {
        work.Map();
        work.Unmap();
    }
}
