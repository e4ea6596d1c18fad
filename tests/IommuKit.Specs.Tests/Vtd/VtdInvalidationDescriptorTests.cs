using IommuKit.Specs.Vtd;

namespace IommuKit.Specs.Tests.Vtd;

/// <summary>Descriptors as Linux writes them, taken apart by hand by the VT-d specification, section 6.5.2.</summary>
public class VtdInvalidationDescriptorTests
{
    /// <summary>0x500f2: type 2, granularity 3, DW, DR, DID 5; 0x7ff000: AM 0, IH 0.</summary>
    [Theory]
    [InlineData(0x500f2ul, 0x7f_f000ul, 5, 0, false, 0x7f_f000ul, 0x7f_ffff)]
    [InlineData(0x600f2ul, 0xfff8_4002ul, 6, 2, false, 0xfff8_4000ul, 0xfff8_7ffful)]
    [InlineData(0xffff_00f2ul, 0xffff_ffff_ffff_f041ul, 0xffff, 1, true, 0xffff_ffff_ffff_e000ul, ulong.MaxValue)]
    [InlineData(0x500f2ul, 0x1234_5000ul | 52, 5, 52, false, 0ul, ulong.MaxValue)]
    [InlineData(0x500f2ul, 0x1234_5000ul | 63, 5, 63, false, 0ul, ulong.MaxValue)]
    [InlineData(0x500f2ul, 0x8000_0000_0000_0000ul | 51, 5, 51, false, 0x8000_0000_0000_0000ul, ulong.MaxValue)]
    public void Page_selective(ulong qw0, ulong qw1, int domain, int addressMask, bool hint, ulong first, ulong last)
    {
        var descriptor = new VtdInvalidationDescriptor(qw0, qw1, 0, 0);
        descriptor.Type.ShouldBe(VtdInvalidationType.Iotlb);
        descriptor.Granularity.ShouldBe(VtdGranularity.Selective);
        descriptor.DropsTranslations.ShouldBeTrue();
        descriptor.DrainsReads.ShouldBeTrue();
        descriptor.DrainsWrites.ShouldBeTrue();
        descriptor.DomainId.ShouldBe((ushort)domain);
        descriptor.AddressMask.ShouldBe(addressMask);
        descriptor.InvalidationHint.ShouldBe(hint);
        descriptor.Address.ShouldBe(first);
        descriptor.LastAddress.ShouldBe(last);
    }

    [Theory]
    [InlineData(0x500e2ul, VtdGranularity.Domain, 5, true, true)]
    [InlineData(0x12ul, VtdGranularity.Global, 0, false, false)]
    [InlineData(0x7_0052ul, VtdGranularity.Global, 7, true, false)]
    [InlineData(0x7_00a2ul, VtdGranularity.Domain, 7, false, true)]
    public void Whole_domains(ulong qw0, VtdGranularity granularity, int domain, bool drainsWrites, bool drainsReads)
    {
        var descriptor = new VtdInvalidationDescriptor(qw0, 0, 0, 0);
        descriptor.Granularity.ShouldBe(granularity);
        descriptor.DomainId.ShouldBe((ushort)domain);
        descriptor.DrainsWrites.ShouldBe(drainsWrites);
        descriptor.DrainsReads.ShouldBe(drainsReads);
        descriptor.DropsTranslations.ShouldBeTrue();
    }

    /// <summary>0x1800050031: type 1, a device, DID 5, SID 00:03.0.</summary>
    [Fact]
    public void A_device_of_the_context_cache()
    {
        var descriptor = new VtdInvalidationDescriptor(0x18_0005_0031, 0, 0, 0);
        descriptor.Type.ShouldBe(VtdInvalidationType.ContextCache);
        descriptor.Granularity.ShouldBe(VtdGranularity.Selective);
        descriptor.DomainId.ShouldBe((ushort)5);
        descriptor.SourceId.ShouldBe((ushort)0x18);
        descriptor.DropsTranslations.ShouldBeFalse();
    }

    [Fact]
    public void Pages_of_a_pasid()
    {
        var descriptor = new VtdInvalidationDescriptor(0x000a_bcde_0009_0036, 0x1_2344_1043, 0, 0);
        descriptor.Type.ShouldBe(VtdInvalidationType.PasidIotlb);
        descriptor.Pasid.ShouldBe(0xa_bcdeu);
        descriptor.DomainId.ShouldBe((ushort)9);
        descriptor.InvalidationHint.ShouldBeTrue();
        descriptor.Address.ShouldBe(0x1_2344_0000ul);
        descriptor.LastAddress.ShouldBe(0x1_2344_7ffful);
        descriptor.DropsTranslations.ShouldBeTrue();
    }

    /// <summary>Granularities that are reserved, types that hold no translations, and types that nobody has defined.</summary>
    [Theory]
    [InlineData(0x2ul, true)]
    [InlineData(0x16ul, true)]
    [InlineData(0x3ul, true)]
    [InlineData(0x15_0000_0014ul, true)]
    [InlineData(0x25ul, true)]
    [InlineData(0x37ul, true)]
    [InlineData(0x8ul, true)]
    [InlineData(0x9ul, true)]
    [InlineData(0x0ul, false)]
    [InlineData(0xaul, false)]
    [InlineData(0x2f2ul, false)]
    public void Others_drop_no_translations(ulong qw0, bool isDefined)
    {
        var descriptor = new VtdInvalidationDescriptor(qw0, 0, 0, 0);
        descriptor.IsDefinedType.ShouldBe(isDefined);
        descriptor.DropsTranslations.ShouldBeFalse();
    }

    /// <summary>As Linux and QEMU write and read them, in the recorded boots.</summary>
    [Fact]
    public void Descriptors_are_made_as_Linux_makes_them()
    {
        VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Domain, 2).ShouldBe(new(0x2_00e2, 0, 0, 0));
        VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Selective, 7, 0x1000, hint: true).ShouldBe(new(0x7_00f2, 0x1040, 0, 0));
        VtdInvalidationDescriptor.InvalidatePasidIotlb(VtdGranularity.Selective, 6, 0, 0x7fff_ffff_8000, hint: true)
            .ShouldBe(new(0x6_0036, 0x7fff_ffff_8040, 0, 0));
        VtdInvalidationDescriptor.InvalidateAllInterrupts().ShouldBe(new(0x4, 0, 0, 0));
        VtdInvalidationDescriptor.InvalidateInterrupts(0x10).ShouldBe(new(0x10_0000_0014, 0, 0, 0));
        VtdInvalidationDescriptor.CompletionWait(0x222_2004, 2).ShouldBe(new(0x2_0000_0025, 0x222_2004, 0, 0));
    }

    [Fact]
    public void What_a_descriptor_is_made_of_can_be_read_from_it()
    {
        var context = VtdInvalidationDescriptor.InvalidateContexts(VtdGranularity.Selective, 0x1234, 0xabcd, 3);
        (context.Type, context.Granularity, context.DomainId).ShouldBe((VtdInvalidationType.ContextCache, VtdGranularity.Selective, (ushort)0x1234));
        (context.SourceId, context.FunctionMask).ShouldBe(((ushort)0xabcd, 3));
        var pages = VtdInvalidationDescriptor.InvalidatePasidIotlb(VtdGranularity.Selective, 9, 0xf_ffff, 0x40_0000, 10);
        (pages.DomainId, pages.Pasid, pages.Address, pages.LastAddress).ShouldBe(((ushort)9, 0xf_ffffu, 0x40_0000ul, 0x7f_fffful));
        var interrupts = VtdInvalidationDescriptor.InvalidateInterrupts(0x40, 6);
        (interrupts.IsIndexSelective, interrupts.InterruptIndex, interrupts.IndexMask).ShouldBe((true, 0x40, 6));
        var wait = VtdInvalidationDescriptor.CompletionWait(0x1000, 5, raisesInterrupt: true, isFence: true);
        (wait.RaisesInterrupt, wait.WritesStatus, wait.IsFence, wait.StatusData, wait.StatusAddress).ShouldBe((true, true, true, 5u, 0x1000ul));
        VtdInvalidationDescriptor.InvalidatePasids(3).Qw0.ShouldBe(0x3_0007ul);
        VtdInvalidationDescriptor.InvalidatePasids(3, 5).Qw0.ShouldBe(0x5_0003_0017ul);
        VtdInvalidationDescriptor.InvalidateAllPasids().Qw0.ShouldBe(0x37ul);
        foreach (var one in new[] { context, pages, interrupts, wait })
        {
            (one.IsDefinedType, one.HasReservedBits).ShouldBe((true, false));
        }
    }

    [Theory]
    [InlineData(0x1000ul, 12, 0x1ffful)]
    [InlineData(0x2000ul, 13, 0x3ffful)]
    [InlineData(0x4020_0000ul, 21, 0x403f_fffful)]
    [InlineData(0x8000_0000_0000_0000ul, 63, ulong.MaxValue)]
    [InlineData(0ul, 64, ulong.MaxValue)]
    public void Ranges_of_device_TLBs(ulong address, int sizeLog2, ulong last)
    {
        VtdInvalidationDescriptor.InvalidateDeviceTlb(0x12, address, sizeLog2).DeviceTlb
            .ShouldBe(new VtdDeviceTlbInvalidation(0x12, address, last, Pasid: null, IsGlobal: false));
        VtdInvalidationDescriptor.InvalidatePasidDeviceTlb(0x12, 7, address, sizeLog2).DeviceTlb
            .ShouldBe(new VtdDeviceTlbInvalidation(0x12, address, last, 7, IsGlobal: false));
        Should.Throw<ArgumentOutOfRangeException>(() => VtdInvalidationDescriptor.InvalidateDeviceTlb(0x12, 0, 11));
    }
}
