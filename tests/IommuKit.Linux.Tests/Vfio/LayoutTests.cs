using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using IommuKit.Linux.Vfio;

namespace IommuKit.Linux.Tests.Vfio;

/// <summary>Structures against the kernel's headers: sizes as a C compiler has them from linux/vfio.h (6.1) and linux/iommufd.h.</summary>
public class LayoutTests
{
    [Fact]
    public void Structures_are_as_large_as_the_kernels()
    {
        Unsafe.SizeOf<VfioGroupStatus>().ShouldBe(8);
        Unsafe.SizeOf<VfioDeviceInfo>().ShouldBe(20);
        Unsafe.SizeOf<VfioRegionInfo>().ShouldBe(32);
        Unsafe.SizeOf<VfioInterruptInfo>().ShouldBe(16);
        Unsafe.SizeOf<VfioInterruptSet>().ShouldBe(20);
        Unsafe.SizeOf<VfioType1Info>().ShouldBe(24);
        Unsafe.SizeOf<VfioMap>().ShouldBe(32);
        Unsafe.SizeOf<VfioUnmap>().ShouldBe(24);
        Unsafe.SizeOf<VfioFeatureDmaBuf>().ShouldBe(8 + 16 + 16);
        Unsafe.SizeOf<VfioBindIommufd>().ShouldBe(16);
        Unsafe.SizeOf<VfioAttachIommufd>().ShouldBe(12);
        Unsafe.SizeOf<VfioDetachIommufd>().ShouldBe(8);
        Unsafe.SizeOf<IommufdDestroy>().ShouldBe(8);
        Unsafe.SizeOf<IommufdIoasAlloc>().ShouldBe(12);
        Unsafe.SizeOf<IommufdIovaRanges>().ShouldBe(32);
        Unsafe.SizeOf<IommufdIovaRange>().ShouldBe(16);
        Unsafe.SizeOf<IommufdMap>().ShouldBe(40);
        Unsafe.SizeOf<IommufdUnmap>().ShouldBe(24);
        Unsafe.SizeOf<IommufdCopy>().ShouldBe(40);
        Unsafe.SizeOf<IommufdOption>().ShouldBe(24);
        Unsafe.SizeOf<VfioDirtyPages>().ShouldBe(8 + 40);
        Unsafe.SizeOf<IommufdHwptAlloc>().ShouldBe(48);
        Unsafe.SizeOf<IommufdSetDirtyTracking>().ShouldBe(16);
        Unsafe.SizeOf<IommufdGetDirtyBitmap>().ShouldBe(48);
        Unsafe.SizeOf<IommufdMapFile>().ShouldBe(40);
        Unsafe.SizeOf<IommufdFaultAlloc>().ShouldBe(16);
        Unsafe.SizeOf<IommufdPageFault>().ShouldBe(40);
        Unsafe.SizeOf<IommufdPageResponse>().ShouldBe(8);
    }

    [Fact]
    public void Fields_are_where_the_kernel_looks()
    {
        Marshal.OffsetOf<VfioRegionInfo>(nameof(VfioRegionInfo.Offset)).ShouldBe(24);
        Marshal.OffsetOf<VfioType1Info>(nameof(VfioType1Info.CapabilityOffset)).ShouldBe(16);
        Marshal.OffsetOf<VfioMap>(nameof(VfioMap.Iova)).ShouldBe(16);
        Marshal.OffsetOf<VfioFeatureDmaBuf>(nameof(VfioFeatureDmaBuf.Region)).ShouldBe(8);
        Marshal.OffsetOf<VfioFeatureDmaBuf>(nameof(VfioFeatureDmaBuf.Ranges)).ShouldBe(20);
        Marshal.OffsetOf<VfioFeatureDmaBuf>(nameof(VfioFeatureDmaBuf.Offset)).ShouldBe(24);
        Marshal.OffsetOf<IommufdMap>(nameof(IommufdMap.Address)).ShouldBe(16);
        Marshal.OffsetOf<IommufdMap>(nameof(IommufdMap.Iova)).ShouldBe(32);
        Marshal.OffsetOf<IommufdCopy>(nameof(IommufdCopy.SourceId)).ShouldBe(12);
        Marshal.OffsetOf<IommufdCopy>(nameof(IommufdCopy.SourceIova)).ShouldBe(32);
        Marshal.OffsetOf<IommufdOption>(nameof(IommufdOption.ObjectId)).ShouldBe(12);
        Marshal.OffsetOf<IommufdOption>(nameof(IommufdOption.Value)).ShouldBe(16);
        Marshal.OffsetOf<VfioDirtyPages>(nameof(VfioDirtyPages.Bitmap)).ShouldBe(40);
        Marshal.OffsetOf<IommufdHwptAlloc>(nameof(IommufdHwptAlloc.TableId)).ShouldBe(16);
        Marshal.OffsetOf<IommufdHwptAlloc>(nameof(IommufdHwptAlloc.Data)).ShouldBe(32);
        Marshal.OffsetOf<IommufdHwptAlloc>(nameof(IommufdHwptAlloc.FaultId)).ShouldBe(40);
        Marshal.OffsetOf<IommufdMapFile>(nameof(IommufdMapFile.File)).ShouldBe(12);
        Marshal.OffsetOf<IommufdMapFile>(nameof(IommufdMapFile.Iova)).ShouldBe(32);
        Marshal.OffsetOf<IommufdPageFault>(nameof(IommufdPageFault.Iova)).ShouldBe(24);
        Marshal.OffsetOf<IommufdPageFault>(nameof(IommufdPageFault.Cookie)).ShouldBe(36);
        Marshal.OffsetOf<IommufdGetDirtyBitmap>(nameof(IommufdGetDirtyBitmap.Iova)).ShouldBe(16);
        Marshal.OffsetOf<IommufdIovaRanges>(nameof(IommufdIovaRanges.Ranges)).ShouldBe(16);
    }

    [Fact]
    public void Windows_are_read_from_the_capabilities_and_hostile_ones_end()
    {
        byte[] all = new byte[24 + 24 + 48];
        BitConverter.GetBytes(24u).CopyTo(all, 16);

        // Another capability first, then the ranges.
        BitConverter.GetBytes((ushort)3).CopyTo(all, 24);
        BitConverter.GetBytes(48u).CopyTo(all, 28);
        BitConverter.GetBytes((ushort)1).CopyTo(all, 48);
        BitConverter.GetBytes(2u).CopyTo(all, 56);
        BitConverter.GetBytes(0ul).CopyTo(all, 64);
        BitConverter.GetBytes(0xfedf_fffful).CopyTo(all, 72);
        BitConverter.GetBytes(0xfef0_0000ul).CopyTo(all, 80);
        BitConverter.GetBytes(0x7f_ffff_fffful).CopyTo(all, 88);
        Type1Space.ReadRanges(all, 24).ShouldBe([(0ul, 0xfedf_fffful), (0xfef0_0000ul, 0x7f_ffff_fffful)]);

        // A count that goes past the end, and a chain that goes round.
        BitConverter.GetBytes(uint.MaxValue).CopyTo(all, 56);
        Type1Space.ReadRanges(all, 24).Count.ShouldBe(2);
        BitConverter.GetBytes(24u).CopyTo(all, 52);
        Type1Space.ReadRanges(all, 24).ShouldNotBeEmpty();
        Type1Space.ReadRanges(all, 4000).ShouldBeEmpty();
    }

    [Fact]
    public void Gaps_are_what_windows_leave()
    {
        new HostWindows(1 << 12, [(0, 0xfedf_ffff), (0xfef0_0000, ulong.MaxValue)]).Gaps().ShouldBe([(0xfee0_0000ul, 0xfeef_fffful)]);
        new HostWindows(1 << 12, [(0x1000, 0x1fff)]).Gaps().ShouldBe([(0ul, 0xffful)]);
        new HostWindows(1 << 12, [(0x1000, 0x1fff)]).Contains(0x1000, 0x2000).ShouldBeFalse();
    }
}
