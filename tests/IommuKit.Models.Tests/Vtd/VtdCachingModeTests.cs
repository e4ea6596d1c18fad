using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>VT-d specification, section 6.1: in caching mode, what is not present or erroneous is cached too, under domain 0 where there is no
/// domain.</summary>
public sealed class VtdCachingModeTests : IDisposable
{
    private const ulong Page = 0x1234_5000;
    private const ulong Target = 0x5000_0000;

    private readonly VtdMachine _machine = new(VtdUnit.EmulatedCachingMode);
    private readonly ulong _table;

    public VtdCachingModeTests()
    {
        _table = _machine.NewTable();
        _machine.SwitchOn();
    }

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void A_page_that_was_not_there_stays_away_until_it_is_invalidated()
    {
        _machine.Bind(_table, width: 1);
        _machine.Fault(Page).ShouldBe(VtdFaultReason.ReadNotAllowed);
        _machine.Map(_table, 2, Page, Target | 3);
        _machine.Fault(Page, IommuKit.Models.Vtd.VtdAccess.Write).ShouldBe(VtdFaultReason.WriteNotAllowed);
        _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page + 0x1000));
        _machine.Read(Page).ShouldBeNull();
        _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page));
        _machine.Read(Page).ShouldBe(Target);
    }

    [Fact]
    public void An_erroneous_page_too_with_its_reason()
    {
        _machine.Bind(_table, width: 1).Map(_table, 2, Page, Target | 0x803);
        _machine.Fault(Page).ShouldBe(VtdFaultReason.SecondStageReserved);
        _machine.Map(_table, 2, Page, Target | 3);
        _machine.Fault(Page).ShouldBe(VtdFaultReason.SecondStageReserved);
        _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Domain, 1));
        _machine.Read(Page).ShouldBe(Target);
    }

    [Theory]
    [InlineData(VtdGranularity.Domain, 0, true)]
    [InlineData(VtdGranularity.Domain, 1, false)]
    [InlineData(VtdGranularity.Selective, 0, true)]
    [InlineData(VtdGranularity.Selective, 1, false)]
    public void A_context_entry_that_was_not_there_is_under_domain_0(VtdGranularity granularity, ushort domain, bool names)
    {
        _machine.Fault(Page).ShouldBe(VtdFaultReason.RootNotPresent);
        _machine.Bind(_table, width: 1).Map(_table, 2, Page, Target | 3);
        _machine.Fault(Page).ShouldBe(VtdFaultReason.RootNotPresent);
        _machine.Invalidate(VtdMachine.Contexts(granularity, domain, VtdMachine.Device));
        _machine.Read(Page).ShouldBe(names ? Target : null);
    }

    /// <summary>What attaching invalidates is not what detaching has to.</summary>
    [Fact]
    public void An_entry_that_goes_is_stale_until_its_own_domain_is_named()
    {
        _machine.Bind(_table, width: 1).Map(_table, 2, Page, Target | 3);
        _machine.Read(Page).ShouldBe(Target);
        _machine.Store(VtdMachine.Context + (VtdMachine.Device * 16ul), 0, 0);
        _machine.Invalidate(VtdMachine.Contexts(VtdGranularity.Selective, 0, VtdMachine.Device));
        _machine.Read(Page).ShouldBe(Target);
        _machine.Invalidate(VtdMachine.Contexts(VtdGranularity.Selective, 1, VtdMachine.Device));
        _machine.Fault(Page).ShouldBe(VtdFaultReason.ContextNotPresent);
    }

    /// <summary>Entries of scalable mode have no domain, and the device alone is compared.</summary>
    [Fact]
    public void In_scalable_mode_the_domain_of_a_context_invalidation_is_not_compared()
    {
        using var machine = new VtdMachine(VtdUnit.Server57 with { Name = "cm", Capability = new(VtdUnit.Server57.Capability.Value | (1 << 7)) });
        ulong table = machine.NewTable();
        machine.SwitchOn(isScalable: true);
        machine.Fault(Page).ShouldBe(VtdFaultReason.ScalableRootNotPresent);
        machine.BindScalable().BindPasid(0, VtdPasidType.FirstStage, 1, firstStage: table).Map(table, 3, Page, Target | 7);
        machine.Fault(Page).ShouldBe(VtdFaultReason.ScalableRootNotPresent);
        machine.Invalidate(VtdMachine.Contexts(VtdGranularity.Selective, 3, VtdMachine.Device));
        machine.Read(Page).ShouldBe(Target);
    }

    [Fact]
    public void First_stage_entries_that_were_not_there_are_never_cached()
    {
        var unit = VtdUnit.Server57 with { Name = "cm", Capability = new(VtdUnit.Server57.Capability.Value | (1 << 7)) };
        using var machine = new VtdMachine(unit);
        ulong table = machine.NewTable();
        machine.BindScalable().BindPasid(0, VtdPasidType.FirstStage, 1, firstStage: table).SwitchOn(isScalable: true);
        machine.Fault(Page).ShouldBe(VtdFaultReason.FirstStageNotPresent);
        machine.Map(table, 3, Page, Target | 7);
        machine.Read(Page).ShouldBe(Target);
    }
}
