using Antmicro.Renode.Core;
using Antmicro.Renode.Peripherals.MemoryControllers;
using IommuKit.Domains;
using IommuKit.Drivers.Smmu3;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Tests.Samples;

/// <summary>The peripheral for Renode, with a driver on the other side of the bus and devices behind it.</summary>
public sealed class RenodeSmmuTests : IDisposable, IGPIOReceiver
{
    private const ulong Pool = 0x100_0000;
    private const ulong Data = 0x1000_0000;
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    private readonly PhysicalMemory _memory = new(1ul << 32, isCoherent: true);
    private readonly RenodeBus _bus;
    private readonly Smmu3Peripheral _smmu;
    private readonly Smmu3Driver _driver;
    private int _edges;

    public RenodeSmmuTests()
    {
        _bus = new RenodeBus(_memory);
        _bus.Smmu = _smmu = new Smmu3Peripheral(_bus);
        _smmu.EventQueueIRQ.Connect(this, 0);
        _driver = new Smmu3Driver(
            new Registers(_bus), _memory, new PageAllocator(_memory.CpuView, Pool, 64 << 20), [new Smmu3Client("dma", 5), new Smmu3Client("nic", 0x1_0006)]);
    }

    public void Dispose()
    {
        _driver.Dispose();
        _memory.Dispose();
    }

    void IGPIOReceiver.OnGPIO(int number, bool value) => _edges += value ? 1 : 0;

    [Fact]
    public void A_driver_and_devices_work_with_each_other_through_it()
    {
        _smmu.Size.ShouldBe(0x2_0000);
        using var domain = Attached(0);
        domain.Map(0x5000, Data, 0x1000, ReadWrite);
        var device = _smmu.StreamBus(5);
        device.WriteQuadWord(0x5008, 0x1122_3344_5566_7788);
        device.WriteDoubleWord(0x5010, 0xdead_beef);
        device.WriteWord(0x5014, 0x4242);
        device.WriteByte(0x5016, 7);
        _memory.CpuView.Span(Data + 8, 15).ToArray().ShouldBe(Convert.FromHexString("8877665544332211EFBEADDE424207"));
        device.ReadQuadWord(0x5008).ShouldBe(0x1122_3344_5566_7788ul);
        device.ReadDoubleWord(0x5010).ShouldBe(0xdead_beef);
        device.ReadWord(0x5014).ShouldBe((ushort)0x4242);
        device.ReadByte(0x5016).ShouldBe((byte)7);
        domain.Unmap(0x5000, 0x1000);
        device.ReadQuadWord(0x5008).ShouldBe(0ul);
        _smmu.StreamBus(5).ShouldBeSameAs(device);
    }

    [Fact]
    public void What_crosses_pages_goes_to_both_and_ends_where_nothing_is_mapped()
    {
        using var domain = Attached(1);
        domain.Map(0x5000, Data + 0x8000, 0x1000, ReadWrite);
        domain.Map(0x6000, Data, 0x1000, ReadWrite);
        var device = _smmu.StreamBus(0x1_0006);
        byte[] sent = [.. Enumerable.Range(1, 0x1800).Select(i => (byte)i)];
        device.WriteBytes(sent, 0x5800, 0, sent.Length);
        _memory.CpuView.Span(Data + 0x8800, 0x800).ToArray().ShouldBe(sent[..0x800]);
        _memory.CpuView.Span(Data, 0x1000).ToArray().ShouldBe(sent[0x800..]);
        device.WriteDoubleWord(0x5ffe, 0x0403_0201);
        _memory.CpuView.Span(Data + 0x8ffe, 2).ToArray().ShouldBe([1, 2]);
        _memory.CpuView.Span(Data, 2).ToArray().ShouldBe([3, 4]);
        device.ReadDoubleWord(0x5ffe).ShouldBe(0x0403_0201u);

        // The third page is not mapped.
        byte[] seen = [.. Enumerable.Repeat((byte)0xff, 0x1000)];
        device.ReadBytes(0x6800, 0x1000, seen, 0);
        seen[..0x800].ShouldBe(sent[0x1000..]);
        seen[0x800..].ShouldAllBe(one => one == 0);
    }

    [Fact]
    public void A_refused_access_reads_zeros_writes_nothing_and_is_reported()
    {
        using var domain = Attached(0);
        domain.Map(0x5000, Data, 0x1000, Protection.Read);
        _memory.CpuView.Span(Data, 8).Fill(0x5a);
        var faults = new List<IommuFault>();
        domain.FaultHandler = faults.Add;
        var device = _smmu.StreamBus(5);
        device.WriteQuadWord(0x5000, 0);
        device.ReadQuadWord(0x5000).ShouldBe(0x5a5a_5a5a_5a5a_5a5aul);
        device.ReadDoubleWord(0x9000).ShouldBe(0u);
        _smmu.StreamBus(6).ReadQuadWord(0x5000).ShouldBe(0ul);
        _edges.ShouldBeGreaterThan(0);
        _driver.HandleInterrupt();
        faults.Select(fault => (fault.Iova, fault.IsWrite, fault.Reason)).ShouldBe(
            [(0x5000ul, true, "F_PERMISSION"), (0x9000ul, false, "F_TRANSLATION")]);
    }

    [Fact]
    public void A_message_reaches_the_peripheral_that_it_is_for()
    {
        const ulong registers = RenodeBus.Registers;
        uint enabled = _bus.ReadDoubleWord(registers + Smmu3Register.InterruptControl);
        _bus.WriteDoubleWord(registers + Smmu3Register.InterruptControl, 0);
        _bus.WriteQuadWord(registers + Smmu3Register.EventMessage, RenodeBus.Doorbell);
        _bus.WriteDoubleWord(registers + Smmu3Register.EventMessage + 8, 77);
        _bus.WriteDoubleWord(registers + Smmu3Register.InterruptControl, enabled);
        using var domain = Attached(0);
        _smmu.StreamBus(5).ReadByte(0x9000).ShouldBe((byte)0);
        _bus.Messages.ShouldBe([77u]);
        _edges.ShouldBe(0, "a message takes the place of the wire");
    }

    [Fact]
    public void Tables_where_nothing_is_end_an_access_and_a_reset_lets_it_pass()
    {
        _memory.CpuView.Span(0x1000, 1)[0] = 9;
        var device = _smmu.StreamBus(5);
        device.ReadByte(0x1000).ShouldBe((byte)0, "no domain, no access");
        _smmu.Reset();
        device.ReadByte(0x1000).ShouldBe((byte)9, "GBPA after reset");
        _bus.WriteQuadWord(RenodeBus.Registers + Smmu3Register.StreamTable, 0x80_0000_0000);
        _bus.WriteDoubleWord(RenodeBus.Registers + Smmu3Register.StreamTableConfig, 8);
        _bus.WriteDoubleWord(RenodeBus.Registers + Smmu3Register.Control0, Smmu3Register.Control.Enable);
        device.ReadByte(0x1000).ShouldBe((byte)0);
    }

    [Fact]
    public void What_it_declares_can_be_done_on_such_a_bus()
    {
        _driver.Unit.StallModel.ShouldBe(1, "nothing stalls");
        (_driver.Unit.Idr0 & (3 << 6)).ShouldBe(0u, "no access flags by hardware");
        _driver.Unit.WhyImpossible().ShouldBeNull();
    }

    private PagingDomain Attached(int device)
    {
        var domain = _driver.CreateDomain();
        domain.Attach(_driver.Devices[device]);
        return domain;
    }

    /// <summary>What a CPU's driver does on the bus.</summary>
    private sealed class Registers(RenodeBus bus) : IMmio
    {
        public uint Read32(uint offset) => bus.ReadDoubleWord(RenodeBus.Registers + offset);

        public void Write32(uint offset, uint value) => bus.WriteDoubleWord(RenodeBus.Registers + offset, value);

        public ulong Read64(uint offset) => bus.ReadQuadWord(RenodeBus.Registers + offset);

        public void Write64(uint offset, ulong value) => bus.WriteQuadWord(RenodeBus.Registers + offset, value);
    }
}
