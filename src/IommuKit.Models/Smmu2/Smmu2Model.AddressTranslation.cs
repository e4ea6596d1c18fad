using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Smmu2;

/// <content>
/// Address translation by registers: by stage 1 of a bank, or by both of its stages through the global space (IHI 0062, chapter 4). It is done when
/// the register is written, and never stalls.
/// </content>
public sealed partial class Smmu2Model<TMemory>
{
    private const uint PrivilegedReadOffset = 0x10;
    private const uint BothStagesOffset = 0x20;

    private ulong _globalResult;

    /// <summary>ATS1 of a bank: 8 bytes apart, PR, PW, UR, UW.</summary>
    private void TranslateInBank(int bank, uint register, ulong value)
    {
        uint number = (register - Smmu2Bank.TranslateFirst) >> 3;
        var access = AccessOf(isWrite: (number & 1) != 0, isPrivileged: number < 2);
        _banks[bank].TranslationResult = TranslateInBank(bank, value & ~0xffful, access);
    }

    private ulong TranslateInBank(int bank, ulong address, Smmu2Access access)
    {
        var path = Builder.TryBuild(bank, out uint misfit);
        if (path is null)
        {
            // Whoever has the bank cannot mend that, and is told nothing more.
            RecordGlobal(misfit, Smmu2Global.Syndrome.Nested | Smmu2Global.Syndrome.AddressTranslation, address: 0, stream: 0);
            return Smmu2Result.Terminated;
        }

        if (path.IsNested && _banks[path.SecondBank].HoldsOthers)
        {
            return Smmu2Result.Terminated;
        }

        var fault = FindByRegisters(path, address, access, endsAtIpa: true, out var page);
        if (fault.IsSecond)
        {
            // It is for the owner of stage 2 to see.
            Record(path, address, access, fault, Smmu2Bank.Syndrome.AddressTranslation);
            return Smmu2Result.Terminated;
        }

        return ResultOf(path, address, fault, page);
    }

    /// <summary>GATS1 and GATS12: UR, UW, PR, PW each; the bank is in the low byte of the value. Nothing but the result tells of a fault.</summary>
    private void TranslateGlobally(uint register, ulong value)
    {
        uint kind = register - Smmu2Global.TranslateFirst;
        var access = AccessOf(isWrite: (kind & 8) != 0, isPrivileged: (kind & PrivilegedReadOffset) != 0);
        int bank = (int)(value & 0xff);
        if (bank >= _banks.Length || _banks[bank].Type == Smmu2BankType.Stage2)
        {
            RecordGlobal(Smmu2Global.Faults.NoSuchBank, Smmu2Global.Syndrome.AddressTranslation, address: 0, stream: 0);
            _globalResult = Smmu2Result.NoSuchBank;
            return;
        }

        ulong address = value & ~0xffful;
        var path = Builder.TryBuild(bank, out uint misfit);
        if (path is null)
        {
            _globalResult = misfit == Smmu2Global.Faults.NoSuchBank ? Smmu2Result.NoSuchBank : Smmu2Result.InvalidContext;
            return;
        }

        var fault = FindByRegisters(path, address, access, endsAtIpa: kind < BothStagesOffset, out var page);
        _globalResult = ResultOf(path, address, fault, page);
    }

    private static Smmu2Access AccessOf(bool isWrite, bool isPrivileged) =>
        (isWrite ? Smmu2Access.Write : Smmu2Access.Read) | (isPrivileged ? Smmu2Access.Privileged : 0);

    private Smmu2Fault FindByRegisters(Smmu2Path path, ulong address, Smmu2Access access, bool endsAtIpa, out Smmu2Page page)
    {
        // Where stage 1 is off, its result is the address.
        bool isDone = endsAtIpa && !path.HasFirst;
        page = default;
        return isDone && (path.PlainBits >= 64 || address >> path.PlainBits == 0)
            ? default
            : Find(path, address, access, endsAtIpa, isOfRegisters: true, out page);
    }

    private ulong ResultOf(Smmu2Path path, ulong address, in Smmu2Fault fault, in Smmu2Page page)
    {
        bool isNew = _unit.Version == Smmu2Version.V2;
        if (!fault.IsNone)
        {
            int bank = fault.IsSecond ? path.SecondBank : path.Bank;
            return Smmu2Result.OfFault(fault, isNew ? Builder.FormatOf(bank) : 0);
        }

        bool isPlain = page.SizeLog2 == 0;
        ulong physical = isPlain ? address : page.PhysicalOf(address & ((1ul << page.SizeLog2) - 1));
        return path is { HasFirst: true, Format: Smmu2TableFormat.Short }
            ? Smmu2Result.OfShort(physical, page)
            : Smmu2Result.OfLong(physical, page.Rights, isNew);
    }
}
