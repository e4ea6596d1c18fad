using System.Runtime.InteropServices;
using IommuKit.Domains;
using IommuKit.Drivers.Vtd;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;
using IommuKit.Traces;
using IommuKit.Traces.Files;

namespace IommuKit.Lab.Tests.Vtd;

/// <summary>A recorded kernel is reproduced: its maps and unmaps under its rules give the invalidations that it queued.</summary>
public sealed class VtdReproductionTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    /// <summary>Linux 6.1, strict: 27,014 unmaps, each with an invalidation, of the same block, and never with the hint.</summary>
    [SharedFact]
    public void Each_invalidation_of_a_strict_kernel_is_queued_as_it_was()
    {
        var queued = new List<VtdInvalidationDescriptor>();
        using var machine = MakeRecorded(VtdUnit.Client39, queued);
        using var domain = machine.CreateDomain(new DomainOptions { Policy = SyncPolicy.SplitSync });
        domain.Attach(machine.TestDevice);
        queued.Clear();
        var recorded = new List<VtdInvalidationDescriptor>();
        using var reader = TraceFile.Open(RepositoryFiles.InShared("traces", "nvme-rand-strict-qi", "trace.gz"));
        while (reader.Read(out var traceEvent))
        {
            switch (traceEvent.Kind)
            {
                case TraceEventKind.Map:
                    domain.TryMap(traceEvent.Iova, traceEvent.PhysicalAddress, traceEvent.Size, Protection.Read | Protection.Write)
                        .ShouldBe(IommuError.None);
                    break;
                case TraceEventKind.Unmap:
                    domain.Unmap(traceEvent.Iova, traceEvent.Size).ShouldBe(traceEvent.Size);
                    break;
                case TraceEventKind.QueueSubmit when traceEvent.Descriptor.Type == VtdInvalidationType.Iotlb:
                    recorded.Add(traceEvent.Descriptor);
                    break;
            }
        }

        recorded.Count.ShouldBe(27014);

        // Two processors unmapped, and queued in another order than they printed.
        Blocks(queued).ShouldBe(Blocks(recorded));
    }

    /// <summary>
    /// Unmaps of pages of several sizes have an invalidation for each size, and the recorded kernel queued just these, one behind the other: for 3 and 5
    /// of them, in 7 and 13 parts. The others came while their domain had no device, and the kernel queued nothing. Linux writes the first address of the pages, where the
    /// driver writes that of the block.
    /// </summary>
    [Theory]
    [InlineData("vfio-edu", 3, 7)]
    [InlineData("vfio-edu-cm", 5, 13)]
    public void Unmaps_of_several_sizes_are_queued_as_they_were(string sample, int unmaps, int parts)
    {
        var queued = new List<VtdInvalidationDescriptor>();
        using var machine = MakeRecorded(VtdUnit.Server48, queued);
        using var domain = machine.CreateDomain(new DomainOptions());
        domain.Attach(machine.TestDevice);
        var ofSizes = new List<(ulong, int)[]>();
        var recorded = new List<(ulong, int)>();
        using var reader = TraceFile.Open(RepositoryFiles.InRepository("samples", $"{sample}.trace.gz"));
        while (reader.Read(out var traceEvent))
        {
            switch (traceEvent.Kind)
            {
                case TraceEventKind.Map:
                    // Of some of them the unmaps were of several domains, and this has one.
                    domain.TryMap(traceEvent.Iova, traceEvent.PhysicalAddress, traceEvent.Size, Protection.Read | Protection.Write);
                    break;
                case TraceEventKind.Unmap:
                    queued.Clear();
                    domain.Unmap(traceEvent.Iova, traceEvent.Size);
                    if (queued.Count > 1)
                    {
                        ofSizes.Add([.. queued.Select(Block)]);
                    }

                    break;
                case TraceEventKind.QueueSubmit when traceEvent.Descriptor.Type == VtdInvalidationType.Iotlb:
                    recorded.Add(Block(traceEvent.Descriptor));
                    break;
            }
        }

        var found = ofSizes.Where(blocks => Enumerable.Range(0, recorded.Count).Any(at => recorded.Skip(at).Take(blocks.Length).SequenceEqual(blocks))).ToList();
        found.Count.ShouldBe(unmaps);
        found.Sum(blocks => blocks.Length).ShouldBe(parts);
    }

    /// <summary>
    /// The recorded commands of each kind are counted beside those of the replay. Expected are the counts of the text: 1,596 lines of qi_submit in the
    /// first, 5,607 in the second, 229 in the third.
    /// </summary>
    [Theory]
    [InlineData("vfio-edu", "context_cache 12, interrupt_entry_cache 3, iotlb_domain 12, iotlb_pages 1569")]
    [InlineData("vfio-edu-cm", "context_cache 24, interrupt_entry_cache 3, iotlb_domain 24, iotlb_pages 5556")]
    [InlineData("e1000e-counter-lazy-qi", "interrupt_entry_cache 9, iotlb_domain 220")]
    [InlineData("nvme-ext4-lazy", "")]
    public void Recorded_commands_are_counted_by_kind(string sample, string commands)
    {
        var trace = Replayer.Run(RepositoryFiles.InRepository("samples", $"{sample}.trace.gz"), Options([SyncPolicy.Gather])).Single().Trace;
        string.Join(", ", trace.Commands.Select(kind => $"{kind.Key} {kind.Value}")).ShouldBe(commands);
    }

    /// <summary>What a caching-mode guest and others did comes whole through every policy, on a unit with 48 bits of IOVA.</summary>
    [Fact]
    public void Captures_from_VTd_replay_whole()
    {
        foreach (string sample in (string[])["vfio-edu.trace.gz", "vfio-edu-cm.trace.gz", "e1000e-counter-lazy-qi.trace.gz", "nvme-ext4-lazy.trace.gz"])
        {
            var results = Replayer.Run(RepositoryFiles.InRepository("samples", sample), Options(Enum.GetValues<SyncPolicy>()));
            results.ShouldAllBe(result => result.Coverage == 1 && result.Unpriced.Count == 0, sample);
        }
    }

    [Fact]
    public void IOVAs_of_48_bits_and_large_pages_that_go_in_parts_are_replayed()
    {
        File.WriteAllLines(
            _path,
            [
                "  a-1  [000] .... 1.000001: map: IOMMU: iova=0x0000fffffffff000 - 0x0001000000000000 paddr=0x0000000012345000 size=4096",
                "  a-1  [000] .... 1.000002: map: IOMMU: iova=0x0000800000000000 - 0x0000800000400000 paddr=0x0000000040000000 size=4194304",
                "  a-1  [000] .... 1.000003: unmap: IOMMU: iova=0x0000800000001000 - 0x0000800000002000 size=4096 unmapped_size=4096",
                "  a-1  [000] .... 1.000004: unmap: IOMMU: iova=0x0000800000002000 - 0x0000800000400000 size=4186112 unmapped_size=4186112",
                "  a-1  [000] .... 1.000005: unmap: IOMMU: iova=0x0000800000000000 - 0x0000800000001000 size=4096 unmapped_size=4096",
                "  a-1  [000] .... 1.000006: unmap: IOMMU: iova=0x0000fffffffff000 - 0x0001000000000000 size=4096 unmapped_size=4096",
            ]);
        var results = Replayer.Run(_path, Options(Enum.GetValues<SyncPolicy>()));
        results.ShouldAllBe(result => result.Coverage == 1);
        results.ShouldAllBe(result => !result.IsAsRecorded);
    }

    [Fact]
    public void What_a_trace_was_recorded_on_is_found_at_its_beginning()
    {
        TraceOrigin.Find(RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz")).Iommu.ShouldBe("VT-d");
        TraceOrigin.Find(RepositoryFiles.InRepository("samples", "nvme-seq-strict.trace.gz")).LastIova.ShouldBe(0xffff_ffff);
        TraceOrigin.Find(RepositoryFiles.InRepository("samples", "nvme-seq-strict.trace.gz")).Iommu.ShouldBeNull();
        TraceOrigin.Find(Path.Combine(Path.GetTempPath(), "iommukit-there-is-no-such-file")).LastIova.ShouldBe(0ul);
        Replayer.Run(RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz"), Options([SyncPolicy.Gather])).ShouldAllBe(result => result.IsAsRecorded);
        MachineCatalog.All.First(kind => kind.RecordedOn == "VT-d").Name.ShouldBe("vtd-server");
    }

    private static ReplayOptions Options(IReadOnlyList<SyncPolicy> policies) => new()
    {
        Machines = [MachineCatalog.Find("vtd-server")!],
        Policies = policies,
        Costs = Costs.CostFile.Find("vtd-public"),
    };

    /// <summary>A machine on the rules of Linux 6.1, whose invalidations of the IOTLB are taken from its queue as they are handed over.</summary>
    private static VtdMachine MakeRecorded(VtdUnit unit, List<VtdInvalidationDescriptor> queued)
    {
        var machine = VtdMachine.Create(
            unit with { Name = "recorded", HostAddressBits = 46 },
            new MachineSettings { HasImmediateWrites = true },
            driverOptions: VtdDriverOptions.OfLinux("6.1.0-56-amd64"));
        ulong queue = machine.Model!.Read64(VtdRegister.QueueAddress) & ~0xffful;
        ulong tail = machine.Model.Read64(VtdRegister.QueueTail);
        machine.Observer = step =>
        {
            for (; step is { Kind: MaintenanceKind.RegisterWrite, Address: VtdRegister.QueueTail } && tail != step.Value; tail = (tail + 16) & 0xfff)
            {
                var words = MemoryMarshal.Cast<byte, ulong>(machine.Memory.CpuView.Span(queue + tail, 16));
                var descriptor = new VtdInvalidationDescriptor(words[0], words[1], 0, 0);
                if (descriptor.Type == VtdInvalidationType.Iotlb)
                {
                    queued.Add(descriptor);
                }
            }
        };
        return machine;
    }

    private static (ulong Address, int Mask) Block(VtdInvalidationDescriptor one) =>
        (one.Address >> (12 + one.AddressMask) << (12 + one.AddressMask), one.AddressMask);

    private static IEnumerable<(VtdGranularity Granularity, ulong Address, int Mask, bool Hint)> Blocks(IEnumerable<VtdInvalidationDescriptor> queued) =>
        queued.Select(one => (one.Granularity, one.Address, one.AddressMask, one.InvalidationHint)).Order();
}
