using IommuKit.Drivers.Vtd;
using IommuKit.Models.Memory;
using IommuKit.Models.Vtd;
using IommuKit.PageTables;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;

namespace IommuKit.Tests.Drivers.Vtd;

/// <summary>A unit that is on when a driver comes: a kernel of before, or firmware, had it.</summary>
public sealed class VtdTakeOverTests : IDisposable
{
    private const ushort Device = 0x0010;
    private const ulong Data = 0x4000_0000;
    private readonly PhysicalMemory _memory = new(1ul << 32, isCoherent: true);

    public void Dispose() => _memory.Dispose();

    /// <summary>At each write of a register, the device sees what it had before or nothing, but never memory as such.</summary>
    [Theory]
    [InlineData(VtdMode.Legacy)]
    [InlineData(VtdMode.SecondStage)]
    [InlineData(VtdMode.FirstStage)]
    public void Nothing_passes_untranslated_while_a_driver_follows_another(VtdMode mode)
    {
        var registers = new Watched(new VtdModel<DeviceMemory>(VtdUnit.Server57, _memory.DeviceView));
        var first = Make(registers, mode, 1ul << 20);
        var domain = first.CreateDomain();
        domain.Map(0x8000, Data, 0x1000, Protection.Read | Protection.Write);
        domain.Attach(first.Devices[0]);
        registers.WhereIs(0x8000).ShouldBe(Data);

        // Nobody switches it off.
        registers.Seen.Clear();
        using var second = Make(registers, mode, 64ul << 20);
        registers.Seen.ShouldBeSubsetOf([Data, null]);
        registers.WhereIs(0x8000).ShouldBeNull("its tables are gone, and so is what was cached");
        var next = second.CreateDomain();
        next.Map(0x8000, Data + 0x5000, 0x1000, Protection.Read | Protection.Write);
        next.Attach(second.Devices[0]);
        registers.WhereIs(0x8000).ShouldBe(Data + 0x5000);
    }

    /// <summary>Tables of another mode cannot be set while hardware reads these: there is a moment without translation.</summary>
    [Fact]
    public void Another_mode_takes_translation_off_first()
    {
        var registers = new Watched(new VtdModel<DeviceMemory>(VtdUnit.Server57, _memory.DeviceView));
        _ = Make(registers, VtdMode.Legacy, 1ul << 20);
        registers.HasBeenOff = false;
        using var second = Make(registers, VtdMode.SecondStage, 64ul << 20);
        registers.HasBeenOff.ShouldBeTrue();
        registers.WhereIs(0x8000).ShouldBeNull();
    }

    private VtdDriver Make(Watched registers, VtdMode mode, ulong pool) => new(
        VtdUnit.Server57,
        registers,
        _memory,
        new PageAllocator(_memory.CpuView, pool, 32 << 20),
        [new VtdFunction(Device)],
        new VtdDriverOptions { Mode = mode });

    /// <summary>Registers with a device behind them that looks at one address before and after each write.</summary>
    private sealed class Watched(VtdModel<DeviceMemory> model) : IMmio
    {
        public HashSet<ulong?> Seen { get; } = [];

        public bool HasBeenOff { get; set; }

        public ulong? WhereIs(ulong iova)
        {
            var range = model.Translate(new VtdRequest(Device, iova, VtdAccess.Write)).Range;
            return range.IsAllowed ? range.PhysicalOf(iova) : null;
        }

        public uint Read32(uint offset) => model.Read32(offset);

        public ulong Read64(uint offset) => model.Read64(offset);

        public void Write32(uint offset, uint value)
        {
            Look();
            model.Write32(offset, value);
            Look();
        }

        public void Write64(uint offset, ulong value)
        {
            Look();
            model.Write64(offset, value);
            Look();
        }

        private void Look()
        {
            Seen.Add(WhereIs(0x8000));
            HasBeenOff |= (model.Read32(VtdRegister.GlobalStatus) & VtdRegister.GlobalBits.TranslationEnable) == 0;
        }
    }
}
