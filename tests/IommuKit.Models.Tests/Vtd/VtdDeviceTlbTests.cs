using IommuKit.Models.Vtd;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>ATS: translation requests and translated requests; page requests and their answers (VT-d specification, chapters 4 and 7).</summary>
public sealed class VtdDeviceTlbTests : IDisposable
{
    private const ulong Page = 0x1234_5000;
    private const ulong Target = 0x5000_0000;
    private const ulong DeviceTlbEnable = 4;
    private const ulong PageRequestEnable = 16;

    private readonly VtdMachine _machine = new(VtdUnit.Server57);
    private readonly ulong _table;

    public VtdDeviceTlbTests() => _table = _machine.NewTable();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void A_device_asks_for_what_is_allowed_and_is_told_without_a_fault()
    {
        Legacy(VtdContextType.All);
        _machine.Map(_table, 3, Page, Target | 1);
        Ask(Page).ShouldBe((VtdOutcome.Allowed, Protection.Read, VtdFaultReason.None));
        Ask(Page + 0x1000).ShouldBe((VtdOutcome.Allowed, Protection.None, VtdFaultReason.ReadNotAllowed));
        Ask(1ul << 60).ShouldBe((VtdOutcome.Allowed, Protection.None, VtdFaultReason.AddressBeyondWidth));
        _machine.TakeRecord().ShouldBeNull();

        // A wrong table is another matter.
        _machine.Map(_table, 3, Page + 0x2000, 1ul << 51 | 0x1003 | (1ul << 52) | 0x80);
        _machine.Map(_table, 3, 0x4000_0000, 0x1083, leafLevel: 1);
        Ask(0x4000_0000).ShouldBe((VtdOutcome.Fault, Protection.None, VtdFaultReason.SecondStageReserved));
        _machine.TakeRecord()!.Value.Upper.ShouldBe(0xd000_000c_0000_0008);
    }

    [Theory]
    [InlineData(VtdContextType.All, true)]
    [InlineData(VtdContextType.Untranslated, false)]
    [InlineData(VtdContextType.PassThrough, false)]
    public void Devices_are_believed_only_where_the_context_says_so(VtdContextType type, bool isServed)
    {
        Legacy(type);
        foreach (var addressType in new[] { VtdAddressType.Translated, VtdAddressType.TranslationRequest })
        {
            var answer = _machine.Model.Translate(new VtdRequest(VtdMachine.Device, Page, VtdAccess.Read, AddressType: addressType));
            answer.Outcome.ShouldBe(isServed ? VtdOutcome.Allowed : VtdOutcome.Fault);
            if (!isServed)
            {
                _machine.TakeRecord()!.Value.Reason.ShouldBe(VtdFaultReason.RequestBlocked);
            }
            else if (addressType == VtdAddressType.Translated)
            {
                answer.Range.PhysicalOf(Page).ShouldBe(Page);
            }
        }
    }

    [Fact]
    public void In_scalable_mode_the_context_entry_has_to_enable_it()
    {
        _machine.BindScalable().BindScalable(VtdMachine.OtherDevice, DeviceTlbEnable);
        _machine.BindPasid(0, VtdPasidType.SecondStage, 1, _table).SwitchOn(isScalable: true);
        _machine.Map(_table, 3, Page, Target | 3);
        Ask(Page).ShouldBe((VtdOutcome.Fault, Protection.None, VtdFaultReason.DeviceTlbDisabled));
        _machine.Model.Translate(new VtdRequest(VtdMachine.OtherDevice, Page, VtdAccess.Read, AddressType: VtdAddressType.TranslationRequest))
            .Range.PhysicalOf(Page).ShouldBe(Target);
    }

    [Fact]
    public void Invalidations_reach_devices_with_their_pasid_and_range()
    {
        var asked = new List<VtdDeviceTlbInvalidation>();
        _machine.SwitchOn(isScalable: true);
        _machine.Model.DeviceTlbInvalidated = what =>
        {
            asked.Add(what);
            return true;
        };
        _machine.Invalidate(
            new VtdInvalidationDescriptor(8 | (0x12ul << 16) | (5ul << 32), 0x1000 | 0x800, 0, 0),
            new VtdInvalidationDescriptor(8 | (0x12ul << 16) | (5ul << 32), 0x1, 0, 0),
            new VtdInvalidationDescriptor(3 | (0x13ul << 32), 0xffff_ffff_ffff_f001, 0, 0));
        asked.ShouldBe(
        [
            new VtdDeviceTlbInvalidation(0x12, 0, 0x3fff, 5, IsGlobal: false),
            new VtdDeviceTlbInvalidation(0x12, 0, 0xfff, 5, IsGlobal: true),
            new VtdDeviceTlbInvalidation(0x13, 0, ulong.MaxValue, Pasid: null, IsGlobal: false),
        ]);
    }

    [Fact]
    public void A_page_request_is_queued_and_told_of_and_answered()
    {
        var answers = new List<VtdPageGroupResponse>();
        _machine.Model.PageGroupResponded = answers.Add;
        Requesting();
        var request = new VtdPageRequest(VtdMachine.Device, Page, 0x155, IsWrite: true);
        _machine.Model.TryRequestPage(request).ShouldBeTrue();
        _machine.Load(VtdMachine.PageQueue).ShouldBe(1ul | ((ulong)VtdMachine.Device << 16));
        _machine.Load(VtdMachine.PageQueue + 8).ShouldBe(Page | (0x155 << 3) | 7);
        _machine.Model.Read64(VtdRegister.PageQueueTail).ShouldBe(0x20ul);
        _machine.Model.Read32(VtdRegister.PageRequestStatus).ShouldBe(VtdRegister.PageRequestBits.Pending);
        _machine.Messages.Count.ShouldBe(1);
        _machine.Invalidate(new VtdInvalidationDescriptor(9 | 0x1000 | ((ulong)VtdMachine.Device << 16), 0x155 << 3, 0xaa, 0xbb));
        answers.ShouldBe([new VtdPageGroupResponse(VtdMachine.Device, 0x155, Pasid: null, 1)]);
    }

    [Fact]
    public void A_full_queue_refuses_until_the_overflow_is_cleared()
    {
        Requesting();
        var request = new VtdPageRequest(VtdMachine.Device, Page, 1);
        for (int i = 0; i < 127; i++)
        {
            _machine.Model.TryRequestPage(request).ShouldBeTrue();
        }

        _machine.Model.TryRequestPage(request).ShouldBeFalse();
        _machine.Model.Read32(VtdRegister.PageRequestStatus).ShouldBe(3u);
        _machine.Model.Write64(VtdRegister.PageQueueHead, 0x20);
        _machine.Model.TryRequestPage(request).ShouldBeFalse();
        _machine.Model.Write32(VtdRegister.PageRequestStatus, 3);
        _machine.Model.TryRequestPage(request).ShouldBeTrue();
        _machine.Model.Read64(VtdRegister.PageQueueTail).ShouldBe(0ul);
        _machine.Messages.Count.ShouldBe(2);
    }

    [Fact]
    public void A_device_that_may_not_ask_is_refused_with_a_record()
    {
        Requesting(flags: 0);
        _machine.Model.TryRequestPage(new VtdPageRequest(VtdMachine.Device, Page, 1)).ShouldBeFalse();
        var record = _machine.TakeRecord()!.Value;
        record.Reason.ShouldBe(VtdFaultReason.PageRequestsDisabled);
        record.Upper.ShouldBe(0x8000_0047_1000_0008);
        _machine.Model.TryRequestPage(new VtdPageRequest(0x7f00, Page, 1)).ShouldBeFalse();
        _machine.TakeRecord()!.Value.Reason.ShouldBe(VtdFaultReason.ScalableRootNotPresent);
        using var legacy = new VtdMachine(VtdUnit.Server57);
        legacy.SwitchOn();
        legacy.Model.TryRequestPage(new VtdPageRequest(VtdMachine.Device, Page, 1)).ShouldBeFalse();
        legacy.TakeRecord()!.Value.Reason.ShouldBe(VtdFaultReason.LegacyPageRequest);
    }

    private void Legacy(VtdContextType type) => _machine.Bind(_table, type: type).SwitchOn();

    private void Requesting(ulong flags = PageRequestEnable)
    {
        _machine.BindScalable(flags: flags).SwitchOn(isScalable: true);
        _machine.Model.Write64(VtdRegister.PageQueueAddress, VtdMachine.PageQueue);
        _machine.Model.Write32(VtdRegister.PageRequestEvent, 0);
    }

    private (VtdOutcome Outcome, Protection Rights, VtdFaultReason Reason) Ask(ulong address)
    {
        var answer = _machine.Model.Translate(
            new VtdRequest(VtdMachine.Device, address, VtdAccess.Read, AddressType: VtdAddressType.TranslationRequest));
        return (answer.Outcome, answer.Range.Rights, answer.Reason);
    }
}
