using IommuKit.Lab.Machines;
using IommuKit.Specs.Mmio;
using IommuKit.Sync;

namespace IommuKit.Lab.Tests.Machines;

public class MeterTests
{
    [Theory, InlineData(false), InlineData(true)]
    public void An_access_of_64_bits_is_one_access(bool isShared)
    {
        var registers = new WideRegisters();
        var meter = new Meter(registers, new SilentRegisters(), (_, _) => RegisterPurpose.TlbInvalidation, isShared);
        var steps = new List<MaintenanceStep>();
        meter.Observer = steps.Add;
        IMmio mmio = meter;
        mmio.Write64(0x40, 0x1122_3344_5566_7788);
        mmio.Read64(0x48).ShouldBe(0x99ul);
        mmio.Write32(0x50, 7);

        var counts = meter.Read(new DomainCounters(isShared));
        counts[OperationKind.RegisterWrite].ShouldBe(2);
        counts[OperationKind.RegisterRead].ShouldBe(1);
        registers.Calls.ShouldBe(["write64 40 1122334455667788", "read64 48", "write32 50 7"]);
        steps.Select(step => (step.Kind, step.Address, step.Value, step.IsWide)).ShouldBe(
        [
            (MaintenanceKind.RegisterWrite, 0x40ul, 0x1122_3344_5566_7788ul, true),
            (MaintenanceKind.RegisterRead, 0x48ul, 0ul, true),
            (MaintenanceKind.RegisterWrite, 0x50ul, 7ul, false),
        ]);

        // What was seen can be done again as it was.
        registers.Calls.Clear();
        meter.Observer = null;
        foreach (var step in steps)
        {
            meter.Issue(step);
        }

        registers.Calls.ShouldBe(["write64 40 1122334455667788", "read64 48", "write32 50 7"]);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Commands_count_where_they_are_written_and_doorbells_where_they_ring(bool isShared)
    {
        var silent = new SilentRegisters();
        var meter = new Meter(
            silent, silent, (offset, _) => offset == 0x10 ? RegisterPurpose.Doorbell : RegisterPurpose.Configuration, isShared);
        meter.Count(OperationKind.Command, OperationPurpose.Tlb, 3);
        meter.Count(OperationKind.Command, OperationPurpose.Completion, 1);
        meter.Write32(0x10, 4);
        meter.Write32(0x10, 5);
        meter.Write32(0x14, 1);
        _ = meter.Read32(0x10);

        var counts = meter.Read(new DomainCounters(isShared));
        counts[OperationKind.Command].ShouldBe(4);
        counts[OperationKind.Command, OperationPurpose.Tlb].ShouldBe(3);
        counts[OperationKind.Doorbell].ShouldBe(2);
        counts[OperationKind.RegisterWrite].ShouldBe(1);
        counts[OperationKind.RegisterRead].ShouldBe(1);
        counts.Maintenance.ShouldBe(8);
    }

    [Fact]
    public void Threads_lose_no_count()
    {
        var silent = new SilentRegisters();
        var meter = new Meter(silent, silent, (_, _) => RegisterPurpose.TlbInvalidation, isShared: true);
        Parallel.For(0, 4, _ =>
        {
            for (int i = 0; i < 10_000; i++)
            {
                meter.Write32(0x20, 0);
                meter.Barrier();
            }
        });
        var counts = meter.Read(new DomainCounters());
        counts[OperationKind.RegisterWrite, OperationPurpose.Tlb].ShouldBe(40_000);
        counts[OperationKind.Barrier].ShouldBe(40_000);
    }

    private sealed class WideRegisters : IMmio
    {
        public List<string> Calls { get; } = [];

        public uint Read32(uint offset)
        {
            Calls.Add($"read32 {offset:x}");
            return 0;
        }

        public void Write32(uint offset, uint value) => Calls.Add($"write32 {offset:x} {value:x}");

        public ulong Read64(uint offset)
        {
            Calls.Add($"read64 {offset:x}");
            return 0x99;
        }

        public void Write64(uint offset, ulong value) => Calls.Add($"write64 {offset:x} {value:x}");
    }
}
