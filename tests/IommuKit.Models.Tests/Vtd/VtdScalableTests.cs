using IommuKit.Models.Vtd;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>Scalable mode: PASIDs, both stages and their nesting, accessed and dirty bits, and what invalidations of each name.</summary>
public sealed class VtdScalableTests : IDisposable
{
    private const ulong Page = 0x7f_1234_5000;
    private const ulong Target = 0x5000_0000;
    private const ulong OtherTarget = 0x6000_0000;
    private const ulong Accessed = 0x20;
    private const ulong Dirty = 0x40;
    private const ulong PasidEnable = 8;

    private readonly VtdMachine _machine = new(VtdUnit.Server57);
    private readonly ulong _first;
    private readonly ulong _second;

    public VtdScalableTests()
    {
        _first = _machine.NewTable();
        _second = _machine.NewTable();
        _machine.BindScalable(flags: PasidEnable).SwitchOn(isScalable: true);
    }

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Each_pasid_has_its_own_translation()
    {
        ulong other = _machine.NewTable();
        _machine.BindPasid(0, VtdPasidType.SecondStage, 1, _second).BindPasid(5, VtdPasidType.FirstStage, 2, firstStage: _first);
        _machine.BindPasid(6, VtdPasidType.FirstStage, 2, firstStage: other).BindPasid(7, VtdPasidType.PassThrough, 3);
        _machine.Map(_second, 3, Page, Target | 3);
        _machine.Map(_first, 3, Page, OtherTarget | 7);
        _machine.Map(other, 3, Page, (OtherTarget + 0x1000) | 7);
        _machine.Read(Page).ShouldBe(Target);
        _machine.Read(Page, pasid: 0).ShouldBe(Target);
        _machine.Read(Page, pasid: 5).ShouldBe(OtherTarget);
        _machine.Read(Page, pasid: 6).ShouldBe(OtherTarget + 0x1000);
        _machine.Read(Page, pasid: 7).ShouldBe(Page);
        _machine.Fault(Page, pasid: 8).ShouldBe(VtdFaultReason.PasidNotPresent);
        _machine.Fault(Page, pasid: 64).ShouldBe(VtdFaultReason.PasidDirectoryNotPresent);
        _machine.Fault(Page, pasid: 1 << 13).ShouldBe(VtdFaultReason.PasidTooLarge);
    }

    /// <summary>FPD of the context is the context cache's: an entry of a PASID that is remembered does not keep it.</summary>
    [Fact]
    public void A_contexts_fault_processing_is_changed_by_its_own_invalidation()
    {
        _machine.BindPasid(5, VtdPasidType.FirstStage, 2, firstStage: _first);
        foreach (bool isRecorded in (bool[])[true, false, true])
        {
            _machine.BindScalable(flags: PasidEnable | (isRecorded ? 0ul : 2));
            _machine.Invalidate(VtdMachine.Contexts(VtdGranularity.Global));
            _machine.Read(Page, pasid: 5).ShouldBeNull();
            _machine.TakeRecord().HasValue.ShouldBe(isRecorded);
        }
    }

    [Fact]
    public void Requests_without_a_pasid_use_the_one_of_the_context()
    {
        _machine.BindScalable(VtdMachine.OtherDevice, requestPasid: 9).BindPasid(9, VtdPasidType.SecondStage, 1, _second);
        _machine.Map(_second, 3, Page, Target | 3);
        _machine.Read(Page, VtdMachine.OtherDevice).ShouldBe(Target);
        _machine.Fault(Page, device: VtdMachine.OtherDevice, pasid: 9).ShouldBe(VtdFaultReason.PasidDisabled);
    }

    [Fact]
    public void The_upper_half_of_a_bus_has_a_table_of_its_own()
    {
        _machine.BindScalable(0x88).BindPasid(0, VtdPasidType.SecondStage, 1, _second).Map(_second, 3, Page, Target | 3);
        _machine.Read(Page, 0x88).ShouldBe(Target);
        _machine.Fault(Page, device: 0x90).ShouldBe(VtdFaultReason.ScalableContextNotPresent);
    }

    [Fact]
    public void A_first_stage_sets_accessed_bits_on_the_way_and_dirty_in_the_page()
    {
        _machine.BindPasid(0, VtdPasidType.FirstStage, 1, firstStage: _first);
        ulong leaf = _machine.Map(_first, 3, Page, Target | 7);
        _machine.Read(Page).ShouldBe(Target);
        for (int level = 0; level <= 3; level++)
        {
            (_machine.Load(_machine.PlaceOf(_first, 3, Page, level)) & (Accessed | Dirty)).ShouldBe(Accessed);
        }

        // The page is cached as clean; the first write finds it and says so, and the next one does not look.
        _machine.Write(Page).ShouldBe(Target);
        _machine.Load(leaf).ShouldBe(Target | 7 | Accessed | Dirty);
        _machine.Store(leaf, Target | 7);
        _machine.Write(Page).ShouldBe(Target);
        _machine.Load(leaf).ShouldBe(Target | 7);
    }

    [Fact]
    public void A_write_that_is_not_allowed_leaves_the_page_clean()
    {
        _machine.BindPasid(0, VtdPasidType.FirstStage, 1, firstStage: _first);
        ulong leaf = _machine.Map(_first, 3, Page, Target | 5);
        _machine.Fault(Page, VtdAccess.Write).ShouldBe(VtdFaultReason.ScalableWriteNotAllowed);
        _machine.Load(leaf).ShouldBe(Target | 5 | Accessed);
    }

    [Theory]
    [InlineData(0x80ul, 0x420ul)]
    [InlineData(0ul, 0x20ul)]
    public void The_extended_accessed_flag_is_set_where_it_is_enabled(ulong control, ulong bits)
    {
        _machine.BindPasid(0, VtdPasidType.FirstStage, 1, firstStage: _first, control: control);
        ulong leaf = _machine.Map(_first, 3, Page, Target | 7);
        _machine.Read(Page).ShouldBe(Target);
        _machine.Load(leaf).ShouldBe(Target | 7 | bits);
    }

    [Theory]
    [InlineData(0x200ul, 0x100ul, 0x300ul)]
    [InlineData(0ul, 0ul, 0ul)]
    public void A_second_stage_sets_bits_where_they_are_enabled(ulong flags, ulong afterRead, ulong afterWrite)
    {
        _machine.BindPasid(0, VtdPasidType.SecondStage, 1, _second, flags: flags);
        ulong leaf = _machine.Map(_second, 3, Page, Target | 3);
        _machine.Read(Page).ShouldBe(Target);
        _machine.Load(leaf).ShouldBe(Target | 3 | afterRead);
        _machine.Load(_machine.PlaceOf(_second, 3, Page, 3)).ShouldBe(_machine.Load(_machine.PlaceOf(_second, 3, Page, 3)) | afterRead);
        _machine.Write(Page).ShouldBe(Target);
        _machine.Load(leaf).ShouldBe(Target | 3 | afterWrite);
    }

    [Fact]
    public void Rights_of_a_first_stage()
    {
        _machine.BindPasid(1, VtdPasidType.FirstStage, 1, firstStage: _first, control: 0x3 | 0x20);
        _machine.Map(_first, 3, 0x1000, Target | 3);
        _machine.Map(_first, 3, 0x2000, Target | 5 | (1ul << 63));
        _machine.Fault(0x1000, pasid: 1).ShouldBe(VtdFaultReason.UserNotAllowed);
        _machine.Ask(0x1000, VtdAccess.Read | VtdAccess.Privileged, pasid: 1).Range.Rights.ShouldBe(
            Protection.Read | Protection.Write | Protection.Privileged);
        _machine.Fault(0x2000, VtdAccess.Read | VtdAccess.Execute, pasid: 1).ShouldBe(VtdFaultReason.ExecuteNotAllowed);
        _machine.Fault(0x2000, VtdAccess.Write, pasid: 1).ShouldBe(VtdFaultReason.ScalableWriteNotAllowed);

        // WPE is 0: who is privileged may write all the same.
        _machine.Ask(0x2000, VtdAccess.Write | VtdAccess.Privileged, pasid: 1).Outcome.ShouldBe(VtdOutcome.Allowed);
        _machine.BindPasid(1, VtdPasidType.FirstStage, 1, firstStage: _first, control: 0x10);
        _machine.Invalidate(VtdMachine.Pasids(3), VtdMachine.PasidIotlb(VtdGranularity.Domain, 1, 1));
        _machine.Fault(0x2000, VtdAccess.Write | VtdAccess.Privileged, pasid: 1).ShouldBe(VtdFaultReason.SupervisorDisabled);
        _machine.Fault(0x2000, VtdAccess.Read | VtdAccess.Execute, pasid: 1).ShouldBe(VtdFaultReason.ExecuteDisabled);
    }

    [Fact]
    public void Addresses_of_a_first_stage_are_signed()
    {
        _machine.BindPasid(0, VtdPasidType.FirstStage, 1, firstStage: _first);
        _machine.BindPasid(1, VtdPasidType.FirstStage, 2, firstStage: _first, control: 4);
        _machine.Map(_first, 3, 0xffff_8000_0000_1000, Target | 7);
        _machine.Read(0xffff_8000_0000_1000).ShouldBe(Target);
        _machine.Fault(0x0000_8000_0000_1000).ShouldBe(VtdFaultReason.NotCanonical);
        _machine.Ask(0x0000_8000_0000_1000, VtdAccess.Read, pasid: 1).Reason.ShouldBe(VtdFaultReason.FirstStageNotPresent);
    }

    [Fact]
    public void Stages_nest()
    {
        // The first stage's tables lie at 0x2000_0000 of the second, which is 0x20_0000 of memory.
        ulong guestFirst = NestFirstStage();
        _machine.Map(_second, 3, 0x9_0000_0000, (0x40ul << 30) | 0x83, leafLevel: 2);
        _machine.BindPasid(0, VtdPasidType.Nested, 1, _second, firstStage: guestFirst);
        var answer = _machine.Ask(Page + 0x123, VtdAccess.Read);
        answer.Range.PhysicalOf(Page + 0x123).ShouldBe((0x40ul << 30) + 0x5123);
        answer.Range.Length.ShouldBe(0x1000ul);
        _machine.Write(Page).ShouldBe((0x40ul << 30) + 0x5000);
    }

    [Fact]
    public void A_second_stage_change_under_nesting_is_not_seen_by_first_stage_tags_alone()
    {
        ulong guestFirst = NestFirstStage();
        ulong leaf = _machine.Map(_second, 3, 0x9_0000_5000, Target | 3);
        _machine.BindPasid(0, VtdPasidType.Nested, 1, _second, firstStage: guestFirst);
        _machine.Read(Page).ShouldBe(Target);

        // The leaf changes: tags of the first stage drop it, if they are the right ones.
        _machine.Store(leaf, OtherTarget | 3);
        _machine.Invalidate(VtdMachine.PasidIotlb(VtdGranularity.Domain, 1, 3));
        _machine.Read(Page).ShouldBe(Target);
        _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Selective, 1, 0x9_0000_5000));
        _machine.Read(Page).ShouldBe(OtherTarget);

        // A table of the second stage goes: what is cached of that, tags of the first stage do not name.
        ulong pointer = _machine.PlaceOf(_second, 3, 0x9_0000_5000, 1);
        ulong fresh = _machine.NewTable();
        _machine.Store(fresh + (5 * 8), Target | 3).Store(pointer, fresh | 3);
        _machine.Invalidate(VtdMachine.PasidIotlb(VtdGranularity.Domain, 1, 0));
        _machine.Read(Page).ShouldBe(OtherTarget);
        _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Domain, 1));
        _machine.Read(Page).ShouldBe(Target);
    }

    [Fact]
    public void Reasons_of_nesting_tell_the_stages_apart()
    {
        _machine.BindPasid(0, VtdPasidType.Nested, 1, _second, firstStage: 1ul << 50).Fault(Page).ShouldBe(VtdFaultReason.NestedTableBeyondWidth);
        Rebind(0x2000_0000).Fault(Page).ShouldBe(VtdFaultReason.NestedTableNotReadable);
        ulong guestFirst = NestFirstStage();
        Rebind(guestFirst).Fault(Page).ShouldBe(VtdFaultReason.ScalableSecondStageNotPresent);
        _machine.Map(_second, 3, 0x9_0000_5000, Target | 1);
        _machine.Fault(Page, VtdAccess.Write).ShouldBe(VtdFaultReason.ScalableWriteNotAllowed);
        _machine.Read(Page).ShouldBe(Target);
    }

    [Theory]
    [InlineData(0, 1, 0, true)]
    [InlineData(0, 2, 0, false)]
    [InlineData(1, 1, 3, true)]
    [InlineData(1, 1, 4, false)]
    [InlineData(3, 9, 9, true)]
    public void A_pasid_entry_is_stale_until_an_invalidation_names_it(int granularity, ushort domain, int pasid, bool names)
    {
        _machine.BindPasid(3, VtdPasidType.SecondStage, 1, _second).Map(_second, 3, Page, Target | 3);
        _machine.Read(Page, pasid: 3).ShouldBe(Target);
        _machine.BindPasid(3, VtdPasidType.PassThrough, 2);
        _machine.Read(Page, pasid: 3).ShouldBe(Target);
        _machine.Invalidate(VtdMachine.Contexts(VtdGranularity.Global), VtdMachine.Iotlb(VtdGranularity.Global));
        _machine.Read(Page, pasid: 3).ShouldBe(Target);
        _machine.Invalidate(VtdMachine.Pasids(granularity, domain, pasid));
        _machine.Read(Page, pasid: 3).ShouldBe(names ? Page : Target);
    }

    public static TheoryData<VtdInvalidationDescriptor, bool> FirstStageCommands() => new()
    {
        { VtdMachine.PasidIotlb(VtdGranularity.Domain, 1, 3), true },
        { VtdMachine.PasidIotlb(VtdGranularity.Domain, 1, 4), false },
        { VtdMachine.PasidIotlb(VtdGranularity.Domain, 2, 3), false },
        { VtdMachine.PasidIotlb(VtdGranularity.Selective, 1, 3, Page), true },
        { VtdMachine.PasidIotlb(VtdGranularity.Selective, 1, 3, Page, hint: true), true },
        { VtdMachine.PasidIotlb(VtdGranularity.Selective, 1, 3, Page + 0x1000), false },
        { VtdMachine.PasidIotlb(VtdGranularity.Selective, 1, 3, Page & ~0x1fful << 12, addressMask: 9), true },
        { VtdMachine.Iotlb(VtdGranularity.Selective, 1, Page), false },
        { VtdMachine.Iotlb(VtdGranularity.Domain, 1), false },
        { VtdMachine.Iotlb(VtdGranularity.Global), true },
        { VtdMachine.Pasids(3), false },
    };

    [Theory]
    [MemberData(nameof(FirstStageCommands))]
    public void A_first_stage_page_is_stale_until_an_invalidation_names_it(VtdInvalidationDescriptor command, bool names)
    {
        _machine.BindPasid(3, VtdPasidType.FirstStage, 1, firstStage: _first);
        ulong leaf = _machine.Map(_first, 3, Page, Target | 7);
        _machine.Read(Page, pasid: 3).ShouldBe(Target);
        _machine.Store(leaf, OtherTarget | 7).Invalidate(command);
        _machine.Read(Page, pasid: 3).ShouldBe(names ? OtherTarget : Target);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_first_stage_table_that_is_gone_is_walked_on_if_the_hint_was_wrong(bool hint)
    {
        _machine.BindPasid(0, VtdPasidType.FirstStage, 1, firstStage: _first).Map(_first, 3, Page, Target | 7);
        _machine.Read(Page).ShouldBe(Target);
        _machine.Store(_machine.PlaceOf(_first, 3, Page, 1), 0);
        _machine.Invalidate(VtdMachine.PasidIotlb(VtdGranularity.Selective, 1, 0, Page, hint: hint));
        _machine.Read(Page).ShouldBe(hint ? Target : null);
    }

    private VtdMachine Rebind(ulong guestFirst) => _machine
        .BindPasid(0, VtdPasidType.Nested, 1, _second, firstStage: guestFirst)
        .Invalidate(VtdMachine.Pasids(3), VtdMachine.Iotlb(VtdGranularity.Global), VtdMachine.PasidIotlb(VtdGranularity.Domain, 1, 0));

    /// <summary>Tables that map <see cref="Page"/> to 0x9_0000_5000 of the second stage, where they are mapped one to one from 0x2000_0000
    /// on.</summary>
    private ulong NestFirstStage()
    {
        const ulong guest = 0x2000_0000;
        const ulong tables = 0x80_0000;
        for (ulong i = 0; i < 4; i++)
        {
            _machine.Map(_second, 3, guest + (i * 0x1000), (tables + (i * 0x1000)) | 3);
            int level = 3 - (int)i;
            ulong index = (Page >> (12 + (9 * level))) & 0x1ff;
            _machine.Store(tables + (i * 0x1000) + (index * 8), level == 0 ? 0x9_0000_5000 | 7 : (guest + ((i + 1) * 0x1000)) | 7);
        }

        return guest;
    }
}
