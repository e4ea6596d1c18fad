using IommuKit.Domains;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;
using IommuKit.Traces;

namespace IommuKit.Lab.Tests.Replay;

/// <summary>Cases, sizes, intervals and several files: what one replay is divided into adds up to the whole.</summary>
public sealed class ReplayAxesTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    private static string Sample => RepositoryFiles.InRepository("samples", "perf-nvme-lazy.trace.gz");

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(4, 1)]
    [InlineData(5, 2)]
    [InlineData(16, 2)]
    [InlineData(17, 3)]
    [InlineData(4096, 6)]
    [InlineData(4097, 7)]
    [InlineData(1 << 30, 7)]
    public void A_size_is_in_the_class_whose_bounds_hold_it(ulong pages, int index)
    {
        SizeClass.IndexOf(pages * SmallPage.Bytes).ShouldBe(index);
        var size = SizeClass.All[index];
        (pages * SmallPage.Bytes).ShouldBeInRange(size.FromBytes, size.ToBytes ?? ulong.MaxValue);
    }

    [Fact]
    public void Classes_of_sizes_follow_each_other_without_gaps()
    {
        SizeClass.All[0].FromBytes.ShouldBe(SmallPage.Bytes);
        SizeClass.All[^1].ToBytes.ShouldBeNull();
        foreach (var (one, next) in SizeClass.All.Zip(SizeClass.All.Skip(1)))
        {
            next.FromBytes.ShouldBe(one.ToBytes!.Value + SmallPage.Bytes);
        }
    }

    [Fact]
    public void Latencies_by_size_add_up_to_those_of_all()
    {
        foreach (var result in Replayer.Run(Sample, Options(SyncPolicy.Gather, SyncPolicy.Deferred) with { HasSizes = true }))
        {
            Counted(result, MappingOperation.Map).ShouldBe(result.MapLatency.Count);
            Counted(result, MappingOperation.Unmap).ShouldBe(result.UnmapLatency.Count);
            result.Sizes.Where(size => size.Operation == MappingOperation.Map).Max(size => size.Latency.Max).ShouldBe(result.MapLatency.Max);
            result.Sizes.Sum(size => size.VirtualMicroseconds)
                .ShouldBeInRange(result.VirtualMicroseconds * 0.99, result.VirtualMicroseconds * 1.000001);
        }
    }

    [Fact]
    public void Sizes_are_apart()
    {
        var result = Run(
            Options(SyncPolicy.Gather) with { HasSizes = true },
            "1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x100000 size=4096",
            "1.0: map: IOMMU: iova=0x4000 - 0x8000 paddr=0x200000 size=16384",
            "2.0: unmap: IOMMU: iova=0x4000 - 0x8000 size=16384 unmapped_size=16384");
        result.Sizes.Select(size => (size.Operation, size.Size.FromBytes, size.Latency.Count)).ShouldBe(
        [
            (MappingOperation.Map, 4096ul, 1L), (MappingOperation.Map, 8192ul, 1L), (MappingOperation.Unmap, 8192ul, 1L),
        ]);
    }

    [Fact]
    public void A_series_adds_up_to_the_whole()
    {
        foreach (var result in Replayer.Run(Sample, Options(Enum.GetValues<SyncPolicy>()) with { SeriesInterval = 100_000_000 }))
        {
            result.Series.Count.ShouldBeGreaterThan(3);
            result.Series.Sum(point => point.Maps).ShouldBe(result.MapLatency.Count);
            result.Series.Sum(point => point.Unmaps).ShouldBe(result.UnmapLatency.Count);
            result.Series.Sum(point => point.Syncs).ShouldBe(result.Counts[OperationKind.Wait]);
            result.Series.Sum(point => point.VirtualMicroseconds).ShouldBe(result.VirtualMicroseconds, result.VirtualMicroseconds * 1e-9);
            result.Series[^1].LivePages.ShouldBe(result.Trace.LivePages);
            result.Series.Select(point => point.StartNanoseconds).ShouldBeInOrder();
        }
    }

    [Fact]
    public void A_series_has_the_intervals_with_events()
    {
        var result = Run(
            Options(SyncPolicy.Gather) with { SeriesInterval = 1_000_000_000 },
            "1.25: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x100000 size=4096",
            "2.0: map: IOMMU: iova=0x4000 - 0x8000 paddr=0x200000 size=16384",
            "5.5: unmap: IOMMU: iova=0x4000 - 0x8000 size=16384 unmapped_size=16384");
        var points = result.Series.Select(point =>
            (point.StartNanoseconds, point.Maps, point.Unmaps, point.BytesMapped, point.BytesUnmapped, point.LivePages));
        points.ShouldBe(
        [
            (1_250_000_000L, 2L, 0L, 20480ul, 0ul, 5ul), (5_250_000_000L, 0L, 1L, 0ul, 16384ul, 1ul),
        ]);
    }

    [Fact]
    public void A_series_of_too_many_intervals_or_without_times_is_refused()
    {
        var options = Options(SyncPolicy.Gather) with { SeriesInterval = 1000 };
        const string map = "map: IOMMU: iova=0x1000 - 0x2000 paddr=0x1000 size=4096";
        const string unmap = "unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096";
        string[] lines = [.. Enumerable.Range(0, 100_002).Select(i =>
            FormattableString.Invariant($"1.{i * 4:000000}: {(i % 2 == 0 ? map : unmap)}"))];
        Should.Throw<InputException>(() => Run(options, lines)).Message.ShouldContain(":100001: the time series has more than 100000 intervals");
        Should.Throw<InputException>(() => Run(options, "map: IOMMU: iova=0x1000 - 0x2000 paddr=0x100000 size=4096"))
            .Message.ShouldContain("no times");
    }

    [Fact]
    public void Cases_are_run_in_their_order_and_a_part_of_them_gives_the_same()
    {
        var options = Options(SyncPolicy.PerPage, SyncPolicy.Gather) with
        {
            Tunings = [new ReplayTuning(), new ReplayTuning { FlushAllPages = 8 }],
        };
        string sample = RepositoryFiles.InRepository("samples", "nvme-seq-strict.trace.gz");
        var all = Replayer.Run(sample, options);
        all.Select(result => (result.Policy, result.Tuning.FlushAllPages)).ShouldBe(
            [(SyncPolicy.PerPage, 0), (SyncPolicy.Gather, 0), (SyncPolicy.PerPage, 8), (SyncPolicy.Gather, 8)]);
        all[3].Counts.For(OperationPurpose.Tlb).ShouldBeLessThan(all[1].Counts.For(OperationPurpose.Tlb));
        var part = Replayer.Run(sample, options with { Part = 2..4 });
        part.Select(result => (result.Counts, result.VirtualMicroseconds, result.MapLatency)).ShouldBe(
            all.Skip(2).Select(result => (result.Counts, result.VirtualMicroseconds, result.MapLatency)));
    }

    [Fact]
    public void Several_files_give_their_results_in_their_order_and_the_first_problem()
    {
        File.WriteAllText(_path, "nothing\n");
        string[] samples = Directory.GetFiles(RepositoryFiles.InRepository("samples"), "*.gz");
        var options = Options(SyncPolicy.Gather);
        Replayer.RunAll([.. samples.Select(sample => (sample, options))]).Select(result => result.Trace.File).ShouldBe(samples);
        for (int run = 0; run < 5; run++)
        {
            Should.Throw<InputException>(() => Replayer.RunAll([(Sample, options), (_path, options), ("/nowhere", options)]))
                .Message.ShouldStartWith(_path);
        }
    }

    /// <summary>What one thread counts without interlocked additions is what several would count with them.</summary>
    [Fact]
    public void Counts_do_not_depend_on_whether_a_machine_is_shared()
    {
        var counts = new[] { true, false }.Select(isShared =>
        {
            using var machine = TegraMachine.Create(Specs.Tegra.TegraSoc.Tegra210, new MachineSettings { HasModel = false, IsShared = isShared });
            using var domain = machine.CreateDomain(new DomainOptions { Policy = SyncPolicy.PerPage });
            domain.Attach(machine.TestDevice);
            domain.Map(0x1000, machine.DataStart, 64 * SmallPage.Bytes, IommuKit.Specs.PageTables.Protection.Read);
            domain.Unmap(0x1000, 64 * SmallPage.Bytes);
            return machine.Counts;
        }).ToArray();
        counts[1].ShouldBe(counts[0]);
        counts[0][OperationKind.RegisterWrite, OperationPurpose.Tlb].ShouldBeGreaterThan(64);
    }

    private static long Counted(ReplayResult result, MappingOperation operation) =>
        result.Sizes.Where(size => size.Operation == operation).Sum(size => size.Latency.Count);

    private static ReplayOptions Options(params SyncPolicy[] policies) => new()
    {
        Machines = [MachineCatalog.Find("tegra210")!],
        Policies = policies,
    };

    private ReplayResult Run(ReplayOptions options, params string[] lines)
    {
        File.WriteAllLines(_path, lines);
        return Replayer.Run(_path, options)[0];
    }
}
