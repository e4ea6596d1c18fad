using IommuKit.Specs.Mmio;

namespace IommuKit.Specs.Smmu2;

/// <summary>Offsets of the registers in global space 1, the second page, from its start: a register of each kind for each context bank.</summary>
public static class Smmu2Routing
{
    /// <summary>CBAR0: see <see cref="Smmu2BankAttributes"/>.</summary>
    public const uint Attributes = 0x000;

    /// <summary>CBFRSYNRA0: bits 15:0 the StreamID of the bank's fault.</summary>
    public const uint FaultStream = 0x400;

    /// <summary>CBA2R0, version 2: see <see cref="Tables64"/>; bits 31:16 a VMID of 16 bits.</summary>
    public const uint Attributes2 = 0x800;

    /// <summary>CBA2R.VA64: the bank's tables are of AArch64.</summary>
    public const uint Tables64 = 1;

    /// <summary>Where the VMID is in CBA2R.</summary>
    public const int WideVmidShift = 16;

    /// <summary>What an access of a register is for.</summary>
    internal static RegisterPurpose PurposeOf(uint offset) =>
        offset is >= FaultStream and < Attributes2 ? RegisterPurpose.Fault : RegisterPurpose.Configuration;
}
