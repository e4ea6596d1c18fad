using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Smmu2;

/// <content>Registers of context banks.</content>
public sealed partial class Smmu2Model<TMemory>
{
    private const uint SystemControlMask = 0x7fff_ffff & ~(1u << 11);

    private uint ReadBank(int index, uint offset)
    {
        var bank = _banks[index];
        return offset switch
        {
            Smmu2Bank.SystemControl => bank.SystemControl & (AreStallsForbidden ? ~Smmu2Bank.Control.FaultStalls : uint.MaxValue),
            Smmu2Bank.Auxiliary => bank.Auxiliary,
            Smmu2Bank.Control2 => bank.Control2,
            Smmu2Bank.TableControl => bank.TableControl,
            Smmu2Bank.ContextId => bank.ContextId,
            Smmu2Bank.MemoryTypes0 => bank.MemoryTypes0,
            Smmu2Bank.MemoryTypes1 => bank.MemoryTypes1,
            Smmu2Bank.FaultStatus => bank.FaultStatus | FormatOf(index),
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

    /// <summary>FORMAT, which follows from other registers. Of a bank that neither translates nor faults it is not known, and here 0.</summary>
    private uint FormatOf(int index) => _unit.Version == Smmu2Version.V2 && (_banks[index].IsEnabled || _banks[index].HasFault)
        ? (uint)Builder.FormatOf(index) << Smmu2Bank.Faults.FormatShift
        : 0;

    private static uint HalfOf(ulong value, uint offset) => (uint)(value >> ((offset & 4) == 0 ? 0 : 32));

    private void WriteBank(int index, uint offset, ulong value, bool isWide, out Smmu2StallEnd? end)
    {
        end = null;
        switch (offset)
        {
            case >= Smmu2Bank.DropVa and <= Smmu2Bank.DropIpaLeaf + 4:
                WriteInvalidation(index, offset, value);
                break;
            case >= Smmu2Bank.TranslateFirst and <= Smmu2Bank.TranslateLast + 4:
                WriteTranslation(index, offset, value);
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
                uint kept = AreStallsForbidden ? Smmu2Bank.Control.FaultStalls : 0;
                bank.SystemControl = (value & SystemControlMask & ~kept) | (bank.SystemControl & kept);
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
                UpdateLine(index);
                break;
            case Smmu2Bank.FaultStatusRestore:
                bank.FaultStatus &= Smmu2Bank.Faults.Stalled;
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

    /// <summary>What acts by an address has 64 bits: of 32, the lower ones act, with zeros above them, and the upper ones are ignored.</summary>
    private void WriteInvalidation(int index, uint offset, ulong value)
    {
        if ((offset & 4) == 0)
        {
            Invalidate(index, offset, value);
        }
    }

    private void WriteTranslation(int index, uint offset, ulong value)
    {
        // A bank of stage 2 has no such registers.
        if (_unit.HasAddressTranslation && (offset & 4) == 0 && _banks[index].Type != Smmu2BankType.Stage2)
        {
            TranslateInBank(index, offset, _unit.Version == Smmu2Version.V1 ? (uint)value : value);
        }
    }
}
