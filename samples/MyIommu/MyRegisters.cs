using IommuKit.Specs.Mmio;

namespace MyIommu;

/// <summary>The registers of the toy IOMMU: the one thing that its driver, its model and its decoder have in common.</summary>
public static class MyRegisters
{
    /// <summary>Devices, and as many address spaces.</summary>
    public const int Devices = 4;

    /// <summary>Which address space <see cref="Root"/> and invalidations are for.</summary>
    public const uint Space = 0x00;

    /// <summary>The root of the selected address space: its address, and <see cref="RootIsValid"/>.</summary>
    public const uint Root = 0x04;

    /// <summary>Whether there is a root.</summary>
    public const uint RootIsValid = 1;

    /// <summary>Drops the translation of the page that is written, in the selected address space.</summary>
    public const uint InvalidatePage = 0x08;

    /// <summary>Drops all translations of the selected address space, and all pointers to its tables.</summary>
    public const uint InvalidateSpace = 0x0c;

    /// <summary>A read is answered when every write before it has taken effect.</summary>
    public const uint Status = 0x10;

    /// <summary>One register for each device: its address space plus 1; 0 stops the device.</summary>
    public const uint FirstDevice = 0x20;

    /// <summary>The register of a device.</summary>
    public static uint OfDevice(int device) => FirstDevice + (4 * (uint)device);

    /// <summary>What an access is for, which is what costs are counted by.</summary>
    public static RegisterPurpose PurposeOf(uint offset, bool isRead) => offset switch
    {
        Status => RegisterPurpose.Completion,
        InvalidatePage or InvalidateSpace => RegisterPurpose.TlbInvalidation,
        Root => RegisterPurpose.TranslationRoot,
        >= FirstDevice => RegisterPurpose.DeviceBinding,
        _ => RegisterPurpose.Configuration,
    };
}
