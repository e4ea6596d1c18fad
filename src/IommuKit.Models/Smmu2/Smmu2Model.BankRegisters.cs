using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Smmu2;

/// <content>Registers of context banks.</content>
public sealed partial class Smmu2Model<TMemory>
{
    private const uint SystemControlMask = 0x3fff_ffff & ~(1u << 3);

    private uint ReadBank(int index, uint offset)
    {
        var bank = _banks[index];
        return offset switch
        {
            Smmu2Bank.SystemControl => bank.SystemControl,
            Smmu2Bank.Auxiliary => bank.Auxiliary,
            Smmu2Bank.Control2 => bank.Control2,
            Smmu2Bank.TableControl => bank.TableControl,
            Smmu2Bank.ContextId => bank.ContextId,
            Smmu2Bank.MemoryTypes0 => bank.MemoryTypes0,
            Smmu2Bank.MemoryTypes1 => bank.MemoryTypes1,
            Smmu2Bank.FaultStatus => bank.FaultStatus,
            Smmu2Bank.Syndrome0 => bank.Syndrome0,
            _ => (offset & ~HalfMask) switch
            {
                Smmu2Bank.Table0 => HalfOf(bank.Table0, offset),
                Smmu2Bank.Table1 => HalfOf(bank.Table1, offset),
                Smmu2Bank.TranslationResult => HalfOf(bank.TranslationResult, offset),
                Smmu2Bank.FaultAddress => HalfOf(bank.FaultAddress, offset),
                Smmu2Bank.FaultIpa => HalfOf(bank.FaultIpa, offset),
                _ => 0,
            },
        };
    }

    private static uint HalfOf(ulong value, uint offset) => (uint)(value >> ((offset & 4) == 0 ? 0 : 32));

    private void WriteBank(int index, uint offset, ulong value, bool isWide, out Smmu2StallEnd? end)
    {
        end = null;
        switch (offset)
        {
            case >= Smmu2Bank.DropVa and <= Smmu2Bank.DropIpaLeaf + 4:
                WriteInvalidation(index, offset, value, isWide);
                break;
            case >= Smmu2Bank.TranslateFirst and <= Smmu2Bank.TranslateLast + 4:
                WriteTranslation(index, offset, value, isWide);
                break;
            default:
                WriteBankHalf(index, offset, (uint)value, out end);
                if (isWide)
                {
                    WriteBankHalf(index, offset + 4, (uint)(value >> 32), out var later);
                    end ??= later;
                }

                break;
        }
    }

    private void WriteBankHalf(int index, uint offset, uint value, out Smmu2StallEnd? end)
    {
        var bank = _banks[index];
        end = null;
        switch (offset)
        {
            case Smmu2Bank.SystemControl:
                bank.SystemControl = value & SystemControlMask;
                ChangeRoutes();
                UpdateLine(index);
                break;
            case Smmu2Bank.Auxiliary when !_unit.HasCacheLock || (_auxiliary & Smmu2Global.CacheLock) == 0:
                bank.Auxiliary = value;
                break;
            case Smmu2Bank.Resume:
                Resume(index, value, out end);
                break;
            case Smmu2Bank.Control2 when _unit.Version == Smmu2Version.V2:
                bank.Control2 = value;
                ChangeRoutes();
                break;
            case Smmu2Bank.TableControl:
                bank.TableControl = value;
                ChangeRoutes();
                break;
            case Smmu2Bank.ContextId:
                bank.ContextId = value;
                ChangeRoutes();
                break;
            case Smmu2Bank.MemoryTypes0:
                bank.MemoryTypes0 = value;
                ChangeRoutes();
                break;
            case Smmu2Bank.MemoryTypes1:
                bank.MemoryTypes1 = value;
                ChangeRoutes();
                break;
            case Smmu2Bank.FaultStatus:
                // A stall ends by RESUME alone.
                bank.FaultStatus &= ~(value & (Smmu2Bank.Faults.All | Smmu2Bank.Faults.Multiple));
                bank.FaultStatus &= bank.HasFault ? uint.MaxValue : ~(3u << Smmu2Bank.Faults.FormatShift);
                UpdateLine(index);
                break;
            case Smmu2Bank.FaultStatusRestore:
                bank.FaultStatus |= value & (Smmu2Bank.Faults.All | Smmu2Bank.Faults.Multiple);
                UpdateLine(index);
                break;
            case Smmu2Bank.Syndrome0:
                bank.Syndrome0 = value;
                break;
            case Smmu2Bank.Sync:
                BeginSync(index);
                break;
            default:
                WriteWideRegister(bank, offset, value);
                break;
        }
    }

    private void WriteWideRegister(Smmu2BankState bank, uint offset, uint value)
    {
        switch (offset & ~HalfMask)
        {
            case Smmu2Bank.Table0:
                SetHalf(ref bank.Table0, offset, value);
                ChangeRoutes();
                break;
            case Smmu2Bank.Table1:
                SetHalf(ref bank.Table1, offset, value);
                ChangeRoutes();
                break;
            case Smmu2Bank.TranslationResult:
                SetHalf(ref bank.TranslationResult, offset, value);
                break;
            case Smmu2Bank.FaultAddress:
                SetHalf(ref bank.FaultAddress, offset, value);
                break;
            case Smmu2Bank.FaultIpa:
                SetHalf(ref bank.FaultIpa, offset, value);
                break;
            default:
                break;
        }
    }

    private static void SetHalf(ref ulong register, uint offset, uint value) => register = (offset & 4) == 0
        ? (register & ~(ulong)uint.MaxValue) | value
        : (uint)register | ((ulong)value << 32);

    /// <summary>An invalidation of AArch64 that comes in two halves acts with the second; one of AArch32 has one.</summary>
    private void WriteInvalidation(int index, uint offset, ulong value, bool isWide)
    {
        var bank = _banks[index];
        bool isOfAddress = (offset & ~HalfMask) is not (Smmu2Bank.DropAsid or Smmu2Bank.DropAll);
        bool isHigh = (offset & 4) != 0;
        if (isWide || !isOfAddress || !bank.Has64BitTables)
        {
            if (!isHigh)
            {
                Invalidate(index, offset, value);
            }
        }
        else if (isHigh)
        {
            Invalidate(index, offset & ~HalfMask, bank.LowHalf | (value << 32));
        }
        else
        {
            bank.LowHalf = (uint)value;
        }
    }

    private void WriteTranslation(int index, uint offset, ulong value, bool isWide)
    {
        var bank = _banks[index];
        if (!_unit.HasAddressTranslation || _unit.IsStage2Bank(index))
        {
            return;
        }

        bool isHigh = (offset & 4) != 0;
        if (isWide || (!bank.Has64BitTables && !isHigh))
        {
            TranslateInBank(index, offset, value);
        }
        else if (!isHigh)
        {
            bank.LowHalf = (uint)value;
        }
        else if (bank.Has64BitTables)
        {
            TranslateInBank(index, offset & ~HalfMask, bank.LowHalf | (value << 32));
        }
    }
}
