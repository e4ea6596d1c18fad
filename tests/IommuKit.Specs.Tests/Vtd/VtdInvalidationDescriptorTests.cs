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
}
