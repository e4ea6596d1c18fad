using IommuKit.Models.Dma;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>What is told of invalidations: what each descriptor and register names (VT-d specification, sections 6.5 and 11.4), and when.</summary>
public sealed class VtdNoticeTests
{
    private const ulong Address = 0x1234_5000;

    private static readonly InvalidationNotice s_everything = new(InvalidationScope.Everything);
    private static readonly InvalidationNotice s_domain = new(InvalidationScope.AddressSpace, Domain: 3);
    private static readonly InvalidationNotice s_pages = new(InvalidationScope.Pages, 0x1234_4000, 0x1234_7fff, Domain: 3);
    private static readonly InvalidationNotice s_device = new(InvalidationScope.Pages, 0x8000, 0xffff, 0x123, 0x123, IsOfDeviceTlb: true);

    public static TheoryData<string, bool, VtdInvalidationDescriptor, InvalidationNotice?> Descriptors() => new()
    {
        { "context-cache, global", false, VtdMachine.Contexts(VtdGranularity.Global), s_everything },
        { "context-cache, domain", false, VtdMachine.Contexts(VtdGranularity.Domain, 3), s_domain },
        { "context-cache, domain, scalable", true, VtdMachine.Contexts(VtdGranularity.Domain, 3), s_everything },
        { "context-cache, device", false, VtdMachine.Contexts(VtdGranularity.Selective, 3, 0x123), Stream(0x123, 0x123) },
        { "context-cache, functions 2 and 6", false, VtdMachine.Contexts(VtdGranularity.Selective, 3, 0x122, 1), Stream(0x122, 0x126) },
        { "context-cache, all functions", false, VtdMachine.Contexts(VtdGranularity.Selective, 3, 0x123, 3), Stream(0x120, 0x127) },
        { "IOTLB, global", false, VtdMachine.Iotlb(VtdGranularity.Global), s_everything },
        { "IOTLB, domain", false, VtdMachine.Iotlb(VtdGranularity.Domain, 3), s_domain },
        { "IOTLB, pages", false, VtdMachine.Iotlb(VtdGranularity.Selective, 3, Address, 2), s_pages },
        { "IOTLB, pages, hint", false, VtdMachine.Iotlb(VtdGranularity.Selective, 3, Address, 2, true), s_pages with { LeavesOnly = true } },

        // A page of the second stage, where the device's addresses may be those of a first stage.
        { "IOTLB, pages, scalable", true, VtdMachine.Iotlb(VtdGranularity.Selective, 3, Address, 2), s_domain },
        { "PASID IOTLB, all", true, VtdMachine.PasidIotlb(VtdGranularity.Domain, 3, 9), s_domain with { Substream = 9 } },
        { "PASID IOTLB, pages", true, VtdMachine.PasidIotlb(VtdGranularity.Selective, 3, 9, Address, 2), s_pages with { Substream = 9 } },
        { "PASID cache, domain", true, VtdMachine.Pasids(0, 3), s_domain },
        { "PASID cache, PASID", true, VtdMachine.Pasids(1, 3, 9), s_domain with { Substream = 9 } },
        { "PASID cache, global", true, VtdMachine.Pasids(3), s_everything },
        { "device TLB", false, VtdInvalidationDescriptor.InvalidateDeviceTlb(0x123, 0x8000, 15), s_device },
        { "PASID device TLB", true, VtdInvalidationDescriptor.InvalidatePasidDeviceTlb(0x123, 9, 0x8000, 15), s_device with { Substream = 9 } },
        { "interrupt entries", false, VtdInvalidationDescriptor.InvalidateAllInterrupts(), null },
        { "wait", false, VtdInvalidationDescriptor.Fence(), null },
    };

    [Theory]
    [MemberData(nameof(Descriptors))]
    public void Each_descriptor_tells_what_it_names(
        string name, bool isScalable, VtdInvalidationDescriptor descriptor, InvalidationNotice? expected)
    {
        using var machine = new VtdMachine(isScalable ? VtdUnit.Server57 : VtdUnit.Server48);
        machine.SwitchOn(isScalable);
        var notices = Listen(machine);
        machine.Invalidate(descriptor);
        notices.ShouldBe(expected is { } one ? [one] : [], name);
    }

    [Fact]
    public void Registers_tell_what_they_name_before_they_are_done()
    {
        using var machine = new VtdMachine();
        machine.SwitchOn(usesQueue: false);
        uint iotlb = machine.Model.Unit.ExtendedCapability.IotlbRegisterOffset;
        var notices = new List<InvalidationNotice>();
        machine.Model.Invalidated = notice =>
        {
            notices.Add(notice);
            ((machine.Model.Read64(VtdRegister.ContextCommand) | machine.Model.Read64(iotlb + 8)) >> 63).ShouldBe(1ul);
        };
        machine.Model.Write64(VtdRegister.ContextCommand, (1ul << 63) | (3ul << 61) | (0x123ul << 16) | 3);
        machine.Model.Write64(VtdRegister.ContextCommand, (1ul << 63) | (2ul << 61) | 3);
        machine.Model.Write64(VtdRegister.ContextCommand, (1ul << 63) | (1ul << 61));
        machine.Model.Write64(iotlb, Address | 2);
        machine.Model.Write64(iotlb + 8, (1ul << 63) | (3ul << 60) | (3ul << 32));
        machine.Model.Write64(iotlb + 8, (1ul << 63) | (2ul << 60) | (3ul << 32));
        machine.Model.Write64(iotlb + 8, (1ul << 63) | (1ul << 60));
        notices.ShouldBe([Stream(0x123, 0x123), s_domain, s_everything, s_pages, s_domain, s_everything]);
        (machine.Model.Read64(iotlb + 8) >> 63).ShouldBe(0ul);

        // What is refused drops nothing, and tells nothing.
        notices.Clear();
        machine.Model.Write64(iotlb + 8, 1ul << 63);
        notices.ShouldBeEmpty();
    }

    [Fact]
    public void Switches_tell_of_everything_before_their_status_shows_it()
    {
        using var machine = new VtdMachine();
        var seen = new List<uint>();
        machine.Model.Invalidated = notice =>
        {
            notice.ShouldBe(s_everything);
            seen.Add(machine.Model.Read32(VtdRegister.GlobalStatus) >> 30);
        };
        machine.SwitchOn(usesQueue: false);
        machine.Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.TranslationEnable | VtdRegister.GlobalBits.SetRootTable);
        machine.Model.Write32(VtdRegister.GlobalCommand, 0);

        // TES and RTPS: the root, on, another root, off.
        seen.ShouldBe([0u, 1u, 2u, 3u]);
        (machine.Model.Read32(VtdRegister.GlobalStatus) >> 30).ShouldBe(1u);
        machine.Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.QueuedInvalidationEnable);
        machine.Model.Evict();
        seen.Count.ShouldBe(4);
        machine.Model.Reset();
        machine.Model.Restore(machine.Model.Save());
        machine.Model.LoadRegister(VtdRegister.RootTable, VtdMachine.Root);
        seen.Count.ShouldBe(7);
    }

    [Fact]
    public void Protected_memory_tells_of_everything()
    {
        using var machine = new VtdMachine();
        var seen = new List<uint>();
        machine.Model.Invalidated = _ => seen.Add(machine.Model.Read32(VtdRegister.ProtectedMemoryEnable) & 1);
        machine.Model.Write32(VtdRegister.ProtectedMemoryEnable, VtdRegister.ProtectedMemoryBits.Enable);
        machine.Model.Write32(VtdRegister.ProtectedMemoryEnable, 0);
        seen.ShouldBe([0u, 1u]);
        (machine.Model.Read32(VtdRegister.ProtectedMemoryEnable) & 1).ShouldBe(0u);
    }

    [Fact]
    public void A_descriptor_is_told_when_it_was_done_and_before_its_wait_is()
    {
        using var machine = new VtdMachine();
        ulong root = machine.NewTable();
        ulong leaf = machine.Map(root, 3, Address, 0x40_0003);
        machine.Bind(root, domain: 3).SwitchOn().Read(Address).ShouldBe(0x40_0000ul);
        machine.Store(leaf, 0x50_0003);
        var seen = new List<(ulong? There, ulong Status)>();
        machine.Model.Invalidated = _ =>
        {
            seen.Add((machine.Read(Address), machine.Load(VtdMachine.Status)));

            // No lock is held: another thread translates, and reads a register.
            Background.Run(() => (machine.Read(Address), machine.Model.Read64(VtdRegister.QueueHead)).ShouldBe((0x50_0000ul, 0ul))).ShouldEnd();
        };
        machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Selective, 3, Address));
        seen.ShouldBe([(0x50_0000ul, 0ul)]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nothing_is_allocated(bool isListening)
    {
        using var machine = new VtdMachine();
        machine.SwitchOn();
        ulong sum = 0;
        machine.Model.Invalidated = isListening ? notice => sum += notice.Last - notice.First : null;
        for (ulong at = 0; at < 256; at += 2)
        {
            var page = VtdMachine.Iotlb(VtdGranularity.Selective, 3, Address);
            var context = VtdMachine.Contexts(VtdGranularity.Selective, 3, 0x123);
            machine.Store(VtdMachine.Queue + (at * 16), page.Qw0, page.Qw1, context.Qw0, context.Qw1);
        }

        ulong tail = 0;
        Allocated.By(() =>
        {
            for (int i = 0; i < 32; i++)
            {
                tail = (tail + 64) & 0xfff;
                machine.Model.Write64(VtdRegister.QueueTail, tail);
            }
        }).ShouldBe(0);
        machine.Model.Statistics.Descriptors.ShouldBeGreaterThanOrEqualTo(256);
        (sum != 0).ShouldBe(isListening);
    }

    private static InvalidationNotice Stream(uint first, uint last) =>
        new(InvalidationScope.Stream, FirstStream: first, LastStream: last);

    private static List<InvalidationNotice> Listen(VtdMachine machine)
    {
        var notices = new List<InvalidationNotice>();
        machine.Model.Invalidated = notices.Add;
        return notices;
    }
}
