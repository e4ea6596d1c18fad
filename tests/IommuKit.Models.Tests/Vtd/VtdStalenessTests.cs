using System.Buffers.Binary;
using IommuKit.Models.Caches;
using IommuKit.Models.Memory;
using IommuKit.Models.Vtd;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>What stays in the caches is stale until the right invalidation, and only until then.</summary>
public sealed class VtdStalenessTests : IDisposable
{
    private const ulong Old = 0x5000_0000;
    private const ulong New = 0x6000_0000;
    private const ulong Page = 0x7f_1234_5000;

    private readonly VtdMachine _machine = new();
    private readonly ulong _table;

    public VtdStalenessTests()
    {
        _table = _machine.NewTable();
        _machine.Bind(_table);
        _machine.Map(_table, 3, Page, Old | 3);
        _machine.SwitchOn();
        _machine.Read(Page).ShouldBe(Old);
    }

    public void Dispose() => _machine.Dispose();

    public static TheoryData<VtdInvalidationDescriptor, bool> Commands() => new()
    {
        { VtdMachine.Iotlb(VtdGranularity.Global), true },
        { VtdMachine.Iotlb(VtdGranularity.Domain, 1), true },
        { VtdMachine.Iotlb(VtdGranularity.Domain, 2), false },
        { VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page), true },
        { VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page, hint: true), true },
        { VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page & ~0xfffful, addressMask: 4), true },
        { VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page | 0x3_0000, addressMask: 18), true },
        { VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page ^ 0x1000), false },
        { VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page ^ 0x1000, addressMask: 1), true },
        { VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page + 0x1000, addressMask: 1), false },
        { VtdMachine.Iotlb(VtdGranularity.Selective, 2, Page), false },
        { VtdMachine.Contexts(VtdGranularity.Global), false },
    };

    [Theory]
    [MemberData(nameof(Commands))]
    public void A_page_is_stale_until_an_invalidation_names_it(VtdInvalidationDescriptor command, bool names)
    {
        _machine.Map(_table, 3, Page, New | 3);
        _machine.Read(Page).ShouldBe(Old);
        _machine.Invalidate(command);
        _machine.Read(Page).ShouldBe(names ? New : Old);
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void A_page_that_is_gone_is_reached_until_then(VtdInvalidationDescriptor command, bool names)
    {
        _machine.Map(_table, 3, Page, 0);
        _machine.Invalidate(command);
        _machine.Read(Page).ShouldBe(names ? null : Old);
    }

    /// <summary>IH keeps pointers to tables, so that a table that went is walked on.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_table_that_is_gone_is_walked_on_if_the_hint_was_wrong(bool hint)
    {
        ulong place = _machine.PlaceOf(_table, 3, Page, 1);
        ulong freed = _machine.Load(place) & ~0xffful;
        _machine.Store(place, 0);
        _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page, hint: hint));

        // The freed page is used for something else by now.
        _machine.Store(freed + ((Page >> 12 & 0x1ff) * 8), New | 3);
        _machine.Read(Page).ShouldBe(hint ? New : null);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Pointers_of_every_level_are_cached_and_dropped(int level)
    {
        ulong place = _machine.PlaceOf(_table, 3, Page, level);
        ulong pointer = _machine.Load(place);
        _machine.Store(place, 0);
        _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page, hint: true));
        _machine.Read(Page).ShouldBe(Old);
        _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page ^ (1ul << 39)));
        _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page, hint: true));
        _machine.Read(Page).ShouldBe(Old);
        _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page));
        _machine.Read(Page).ShouldBeNull();
        _machine.Store(place, pointer);
        _machine.Read(Page).ShouldBe(Old);
    }

    [Fact]
    public void A_large_page_goes_with_any_page_in_it()
    {
        _machine.Map(_table, 3, 0x4020_0000, 0x8020_0000 | 0x83, leafLevel: 1);
        _machine.Map(_table, 3, 0x80_0000_0000, 0xc000_0000 | 0x83, leafLevel: 2);
        _machine.Read(0x4021_2345).ShouldBe(0x8021_2345ul);
        _machine.Read(0x80_0021_2345).ShouldBe(0xc021_2345ul);
        _machine.Map(_table, 3, 0x4020_0000, 0, leafLevel: 1);
        _machine.Map(_table, 3, 0x80_0000_0000, 0, leafLevel: 2);
        _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Selective, 1, 0x4040_0000, addressMask: 9));
        _machine.Read(0x4021_2345).ShouldBe(0x8021_2345ul);
        _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Selective, 1, 0x403f_f000));
        _machine.Read(0x4021_2345).ShouldBeNull();
        _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Selective, 1, 0x80_3fff_f000));
        _machine.Read(0x80_0021_2345).ShouldBeNull();
    }

    [Fact]
    public void What_is_not_there_is_not_remembered()
    {
        _machine.Read(Page + 0x1000).ShouldBeNull();
        _machine.Map(_table, 3, Page + 0x1000, New | 3);
        _machine.Read(Page + 0x1000).ShouldBe(New);
    }

    [Fact]
    public void Fewer_rights_take_an_invalidation_and_more_too()
    {
        _machine.Map(_table, 3, Page, Old | 1);
        _machine.Write(Page).ShouldBe(Old);
        _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page));
        _machine.Write(Page).ShouldBeNull();
        _machine.Map(_table, 3, Page, Old | 3);
        _machine.Write(Page).ShouldBeNull();
        _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page));
        _machine.Write(Page).ShouldBe(Old);
    }

    public static TheoryData<VtdInvalidationDescriptor, bool> ContextCommands() => new()
    {
        { VtdMachine.Contexts(VtdGranularity.Global), true },
        { VtdMachine.Contexts(VtdGranularity.Domain, 1), true },
        { VtdMachine.Contexts(VtdGranularity.Domain, 2), false },
        { VtdMachine.Contexts(VtdGranularity.Selective, 1, VtdMachine.Device), true },
        { VtdMachine.Contexts(VtdGranularity.Selective, 2, VtdMachine.Device), false },
        { VtdMachine.Contexts(VtdGranularity.Selective, 0, VtdMachine.Device), false },
        { VtdMachine.Contexts(VtdGranularity.Selective, 2, VtdMachine.Device, functionMask: 3), false },
        { VtdMachine.Contexts(VtdGranularity.Selective, 1, VtdMachine.Device + 1), false },
        { VtdMachine.Contexts(VtdGranularity.Selective, 1, VtdMachine.Device + 4, functionMask: 1), true },
        { VtdMachine.Contexts(VtdGranularity.Selective, 1, VtdMachine.Device + 6, functionMask: 1), false },
        { VtdMachine.Contexts(VtdGranularity.Selective, 1, VtdMachine.Device + 6, functionMask: 2), true },
        { VtdMachine.Contexts(VtdGranularity.Selective, 1, VtdMachine.Device + 7, functionMask: 3), true },
        { VtdMachine.Contexts(VtdGranularity.Selective, 1, VtdMachine.OtherDevice, functionMask: 3), false },
        { VtdMachine.Iotlb(VtdGranularity.Global), false },
    };

    [Theory]
    [MemberData(nameof(ContextCommands))]
    public void A_context_entry_is_stale_until_an_invalidation_names_it(VtdInvalidationDescriptor command, bool names)
    {
        ulong other = _machine.NewTable();
        _machine.Map(other, 3, Page, New | 3);
        _machine.Bind(other, domain: 2);
        _machine.Read(Page).ShouldBe(Old);
        _machine.Invalidate(command);
        _machine.Read(Page).ShouldBe(names ? New : Old);
    }

    [Fact]
    public void A_domain_that_goes_on_with_another_table_needs_both_invalidations()
    {
        ulong other = _machine.NewTable();
        _machine.Map(other, 3, Page, New | 3);
        _machine.Bind(other);
        _machine.Invalidate(VtdMachine.Contexts(VtdGranularity.Selective, 1, VtdMachine.Device));
        _machine.Read(Page).ShouldBe(Old);
        _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Domain, 1));
        _machine.Read(Page).ShouldBe(New);
    }

    [Fact]
    public void Devices_of_a_domain_share_what_is_cached()
    {
        _machine.Bind(_table, device: VtdMachine.OtherDevice);
        _machine.Map(_table, 3, Page, New | 3);
        _machine.Read(Page, VtdMachine.OtherDevice).ShouldBe(Old);
    }

    [Theory]
    [InlineData(VtdGranularity.Global, 0x2800_0000_0000_0000, true)]
    [InlineData(VtdGranularity.Domain, 0x5000_0000_0000_0000, true)]
    [InlineData(VtdGranularity.Reserved, 0x0, false)]
    public void Context_commands_by_register(VtdGranularity granularity, long reported, bool isDone)
    {
        _machine.Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.TranslationEnable);
        ulong other = _machine.NewTable();
        _machine.Bind(other, domain: 2);
        _machine.Map(other, 3, Page, New | 3);
        _machine.Model.Write64(VtdRegister.ContextCommand, VtdRegister.ContextCommandBits.Invalidate | ((ulong)granularity << 61) | 1);
        _machine.Model.Read64(VtdRegister.ContextCommand).ShouldBe((ulong)reported | 1);
        _machine.Read(Page).ShouldBe(isDone ? New : Old);
    }

    [Theory]
    [InlineData(0x1000_0001_0000_0000, 0, 1, true)]
    [InlineData(0x2000_0001_0000_0000, 0, 2, true)]
    [InlineData(0x2000_0002_0000_0000, 0, 2, false)]
    [InlineData(0x3000_0001_0000_0000, (long)Page, 3, true)]
    [InlineData(0x3000_0001_0000_0000, (long)Page + 0x1000, 3, false)]
    [InlineData(0x3000_0001_0000_0000, 63, 0, false)]
    [InlineData(0x0000_0001_0000_0000, 0, 0, false)]
    public void Iotlb_commands_by_register(long command, long address, int reported, bool isDone)
    {
        uint registers = _machine.Model.Unit.ExtendedCapability.IotlbRegisterOffset;
        _machine.Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.TranslationEnable);
        _machine.Map(_table, 3, Page, New | 3);
        _machine.Model.Write64(registers, (ulong)address);
        _machine.Model.Write64(registers + 8, VtdRegister.IotlbBits.Invalidate | (ulong)command);
        ulong after = _machine.Model.Read64(registers + 8);
        (after >> 63).ShouldBe(0ul);
        ((after >> 57) & 3).ShouldBe((ulong)reported);
        _machine.Read(Page).ShouldBe(isDone ? New : Old);
    }

    [Fact]
    public void While_the_queue_is_used_registers_invalidate_nothing()
    {
        _machine.Map(_table, 3, Page, New | 3);
        uint register = _machine.Model.Unit.ExtendedCapability.IotlbRegisterOffset + VtdRegister.IotlbBits.Offset;
        _machine.Model.Write64(register, VtdRegister.IotlbBits.Invalidate | (1ul << 60));
        (_machine.Model.Read64(register) >> 57).ShouldBe(8ul);
        _machine.Read(Page).ShouldBe(Old);
    }

    [Fact]
    public void A_register_command_without_a_drain_ends_during_accesses()
    {
        _machine.Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.TranslationEnable);
        uint register = _machine.Model.Unit.ExtendedCapability.IotlbRegisterOffset + VtdRegister.IotlbBits.Offset;
        using var lease = _machine.Model.Accesses.Enter();
        Background.Run(() => _machine.Model.Write64(register, VtdRegister.IotlbBits.Invalidate | (1ul << 60))).ShouldEnd();
        (_machine.Model.Read64(register) >> 63).ShouldBe(0ul);
        Background.Run(() => _machine.Model.Write64(VtdRegister.ContextCommand, VtdRegister.ContextCommandBits.Invalidate | (1ul << 61))).ShouldEnd();
        (_machine.Model.Read64(VtdRegister.ContextCommand) >> 63).ShouldBe(0ul);
    }

    [Theory]
    [InlineData(VtdRegister.IotlbBits.DrainReads)]
    [InlineData(VtdRegister.IotlbBits.DrainWrites)]
    public void A_register_command_that_drains_ends_after_accesses_from_before(ulong drain)
    {
        _machine.Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.TranslationEnable);
        uint register = _machine.Model.Unit.ExtendedCapability.IotlbRegisterOffset + VtdRegister.IotlbBits.Offset;
        var lease = _machine.Model.Accesses.Enter();
        var command = Background.Run(() => _machine.Model.Write64(register, VtdRegister.IotlbBits.Invalidate | (1ul << 60) | drain));
        command.ShouldWait();
        (_machine.Model.Read64(register) >> 63).ShouldBe(1ul);
        lease.Dispose();
        command.ShouldEnd();
        (_machine.Model.Read64(register) >> 63).ShouldBe(0ul);
    }

    [Fact]
    public void Caches_may_forget_at_any_time()
    {
        _machine.Map(_table, 3, Page, New | 3);
        _machine.Model.Evict();
        _machine.Read(Page).ShouldBe(New);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Taking_over_a_root_table_invalidates_where_the_unit_says_so(bool invalidates)
    {
        var unit = VtdUnit.Server48 with { Name = "x", Capability = new(VtdUnit.Server48.Capability.Value | (invalidates ? 3ul << 62 : 0)) };
        using var machine = new VtdMachine(unit);
        ulong table = machine.NewTable();
        machine.Bind(table).Map(table, 3, Page, Old | 3);
        machine.SwitchOn().Read(Page).ShouldBe(Old);
        machine.Map(table, 3, Page, New | 3);
        machine.Model.Write32(VtdRegister.GlobalCommand, 0xc400_0000);
        machine.Read(Page).ShouldBe(invalidates ? New : Old);
    }

    /// <summary>One entry in each cache: what is stale goes when another takes its place.</summary>
    [Fact]
    public void A_full_cache_makes_way()
    {
        var one = new CacheGeometry(1, 1);
        using var machine = new VtdMachine(options: new VtdModelOptions { Iotlb = one, TableCache = one, UpperTableCache = one, ContextCache = one });
        ulong table = machine.NewTable();
        machine.Bind(table).Map(table, 3, Page, Old | 3);
        machine.Map(table, 3, Page + 0x1000, Old | 0x1003);
        machine.SwitchOn().Read(Page).ShouldBe(Old);
        machine.Map(table, 3, Page, New | 3);
        machine.Read(Page).ShouldBe(Old);
        machine.Read(Page + 0x1000).ShouldBe(Old + 0x1000);
        machine.Read(Page).ShouldBe(New);
        var statistics = machine.Model.Statistics;
        (statistics.IotlbHits, statistics.IotlbMisses, statistics.Level1Misses, statistics.EntriesRead).ShouldBe((1, 3, 1, 6));
    }

    /// <summary>A walker that does not snoop reads memory, and not what the CPU has in its cache.</summary>
    [Fact]
    public void A_store_that_was_not_cleaned_is_not_seen()
    {
        using var memory = new PhysicalMemory(1ul << 32, isCoherent: false);
        var model = new VtdModel<DeviceMemory>(VtdUnit.ClientNonCoherent, memory.DeviceView);
        Store(0x1000, 0x2001);
        Store(0x2080, 0x3001);
        Store(0x2088, 0x101);
        Store(0x3000, 0x4003);
        Store(0x4000, 0x5003);
        memory.Clean(0x1000, 0x4000);
        memory.Barrier();
        model.Write64(VtdRegister.RootTable, 0x1000);
        model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.SetRootTable);
        model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.TranslationEnable);
        Store(0x5008, Old | 3);
        model.Translate(new VtdRequest(8, 0x1000, VtdAccess.Read)).Reason.ShouldBe(VtdFaultReason.ReadNotAllowed);
        memory.Clean(0x5008, 8);
        memory.Barrier();
        model.Translate(new VtdRequest(8, 0x1000, VtdAccess.Read)).Range.PhysicalOf(0x1000).ShouldBe(Old);

        void Store(ulong address, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(memory.CpuView.Span(address, 8), value);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_read_of_no_byte_passes_a_page_for_writing_where_the_unit_says_so(bool hasZeroLengthReads)
    {
        var unit = VtdUnit.Server48 with { Name = "x", Capability = new(VtdUnit.Server48.Capability.Value | (hasZeroLengthReads ? 1ul << 22 : 0)) };
        using var machine = new VtdMachine(unit);
        ulong table = machine.NewTable();
        machine.Bind(table).Map(table, 3, Page, Old | 2);
        machine.SwitchOn().Read(Page).ShouldBeNull();
        machine.Ask(Page, VtdAccess.Read | VtdAccess.ZeroLength).Outcome.ShouldBe(hasZeroLengthReads ? VtdOutcome.Allowed : VtdOutcome.Fault);
    }
}
