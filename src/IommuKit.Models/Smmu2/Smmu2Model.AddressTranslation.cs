using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Smmu2;

/// <content>Address translation by registers: by stage 1 of a bank, or by both of its stages through the global space.</content>
/// <remarks>
/// What the public facts leave open of PAR is as in FSR where the bits are the same, ASF in bit 7; the stage of a fault is in bit 21.
/// </remarks>
public sealed partial class Smmu2Model<TMemory>
{
    private const ulong Failed = 1;
    private const ulong FailedInSecond = 1ul << 21;
    private const ulong ResultMask = 0x0000_ffff_ffff_f000;
    private const int AttributeShift = 56;
    private const int ShareabilityShift = 7;
    private const uint PrivilegedReadOffset = 0x10;

    private ulong _globalResult;
    private uint _globalLowHalf;

    /// <summary>ATS1 of a bank: 8 bytes apart, PR, PW, UR, UW.</summary>
    private void TranslateInBank(int bank, uint register, ulong value)
    {
        uint number = (register - Smmu2Bank.TranslateFirst) >> 3;
        var access = AccessOf(isWrite: (number & 1) != 0, isPrivileged: number < 2);
        _banks[bank].TranslationResult = TranslateByRegisters(bank, value, access, endsAtIpa: true);
    }

    /// <summary>GATS1 and GATS12: UR, UW, PR, PW each; the bank is in the low byte of the value.</summary>
    private void TranslateGlobally(uint register, ulong value)
    {
        uint kind = register - Smmu2Global.TranslateFirst;
        bool isPrivileged = (kind & PrivilegedReadOffset) != 0;
        bool isWrite = (kind & 8) != 0;
        int bank = (int)(value & 0xff);
        _globalResult = bank < _banks.Length
            ? TranslateByRegisters(bank, value, AccessOf(isWrite, isPrivileged), endsAtIpa: kind < 0x20)
            : Failed;
    }

    private static Smmu2Access AccessOf(bool isWrite, bool isPrivileged) =>
        (isWrite ? Smmu2Access.Write : Smmu2Access.Read) | (isPrivileged ? Smmu2Access.Privileged : 0);

    private ulong TranslateByRegisters(int bank, ulong value, Smmu2Access access, bool endsAtIpa)
    {
        ulong address = value & ~0xffful;
        var path = Builder.TryBuild(bank);
        if (path is null || (endsAtIpa && _banks[bank].Type == Smmu2BankType.Stage2))
        {
            return Failed;
        }

        if (endsAtIpa && !path.HasFirst)
        {
            return address & ResultMask;
        }

        var fault = Find(path, address, access, endsAtIpa, out var page);
        if (!fault.IsNone)
        {
            return Failed | fault.Status | (fault.IsSecond ? FailedInSecond : 0);
        }

        if (!path.HasFirst && !path.HasSecond)
        {
            return address & ResultMask;
        }

        ulong physical = page.PhysicalOf(address & ((1ul << page.SizeLog2) - 1));
        return (physical & ResultMask)
            | ((page.Rights >> Smmu2Rights.TypeShift & 0xff) << AttributeShift)
            | ((page.Rights >> Smmu2Rights.ShareShift & 3) << ShareabilityShift);
    }
}
