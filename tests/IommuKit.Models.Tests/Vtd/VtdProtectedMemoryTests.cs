using IommuKit.Models.Vtd;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>VT-d specification, section 11.4.8: DMA that is not translated does not reach protected memory, and leaves no record.</summary>
public sealed class VtdProtectedMemoryTests : IDisposable
{
    private readonly VtdMachine _machine = new();

    public VtdProtectedMemoryTests()
    {
        _machine.Model.Write32(VtdRegister.ProtectedLowBase, 0x0010_0000);
        _machine.Model.Write32(VtdRegister.ProtectedLowLimit, 0x0020_0000);
        _machine.Model.Write64(VtdRegister.ProtectedHighBase, 0x1_0000_0000);
        _machine.Model.Write64(VtdRegister.ProtectedHighLimit, 0x1_0000_0000);
        _machine.Model.Write32(VtdRegister.ProtectedMemoryEnable, VtdRegister.ProtectedMemoryBits.Enable);
    }

    public void Dispose() => _machine.Dispose();

    [Theory]
    [InlineData(0x000f_ffff, true)]
    [InlineData(0x0010_0000, false)]
    [InlineData(0x002f_ffff, false)]
    [InlineData(0x0030_0000, true)]
    [InlineData(0xffff_ffff, true)]
    [InlineData(0x1_0000_0000, false)]
    [InlineData(0x1_000f_ffff, false)]
    [InlineData(0x1_0010_0000, true)]
    public void While_remapping_is_off(long address, bool passes) => Passes((ulong)address, passes);

    [Theory]
    [InlineData(0x0010_0000, false)]
    [InlineData(0x0030_0000, true)]
    public void For_devices_that_pass_through(long address, bool passes)
    {
        _machine.Bind(0, type: VtdContextType.PassThrough).SwitchOn();
        Passes((ulong)address, passes);
    }

    [Fact]
    public void Not_for_what_is_translated()
    {
        ulong table = _machine.NewTable();
        _machine.Bind(table).Map(table, 3, 0x1000, 0x0010_0003);
        _machine.SwitchOn().Read(0x1000).ShouldBe(0x0010_0000ul);
    }

    [Fact]
    public void Until_it_is_switched_off()
    {
        _machine.Model.Read32(VtdRegister.ProtectedMemoryEnable).ShouldBe(0x8000_0001);
        _machine.Model.Write32(VtdRegister.ProtectedMemoryEnable, 0);
        _machine.Model.Read32(VtdRegister.ProtectedMemoryEnable).ShouldBe(0u);
        Passes(0x0010_0000, passes: true);
    }

    [Fact]
    public void Where_there_is_none_it_cannot_be_enabled()
    {
        using var machine = new VtdMachine(VtdUnit.Server57);
        machine.Model.Write32(VtdRegister.ProtectedMemoryEnable, VtdRegister.ProtectedMemoryBits.Enable);
        machine.Model.Read32(VtdRegister.ProtectedMemoryEnable).ShouldBe(0u);
        machine.Read(0x0010_0000).ShouldBe(0x0010_0000ul);
    }

    private void Passes(ulong address, bool passes)
    {
        var answer = _machine.Ask(address, VtdAccess.Read);
        answer.Outcome.ShouldBe(passes ? VtdOutcome.Allowed : VtdOutcome.Blocked);
        _machine.TakeRecord().ShouldBeNull();
        if (passes)
        {
            answer.Range.PhysicalOf(address).ShouldBe(address);
        }
    }
}
