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
        counts.RegisterWrites.Total.ShouldBe(2);
        counts.RegisterReads.Total.ShouldBe(1);
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
