using IommuKit.Checker.Shadow;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Checker.Iommus.Smmu2;

/// <summary>
/// Reads what a driver tells an SMMUv1 or SMMUv2 by its registers. An address space is an ASID at stage 1, and a VMID at stage 2.
/// </summary>
internal sealed class Smmu2Decoder : ICommandDecoder
{
    private const ulong PageBytes = 4096;
    private const int PageShift = 12;
    private const ulong Page64Mask = (1ul << 44) - 1;
    private const ulong TableMask = (1ul << 48) - 1;
    private const ulong Page32Mask = 0xffff_f000;

    private readonly Smmu2Unit _unit;
    private readonly int[] _groups;
    private readonly Bank[] _banks;
    private bool _hasGlobalSync;

    /// <summary>Begins where no bank is in use.</summary>
    /// <param name="unit">The SMMU.</param>
    /// <param name="groups">The groups of the devices that matter; their place in the list is their number.</param>
    public Smmu2Decoder(Smmu2Unit unit, IEnumerable<int> groups)
    {
        _unit = unit;
        _groups = [.. groups];
        _banks = [.. Enumerable.Range(0, unit.BankCount).Select(_ => new Bank())];
    }

    public void Decode(in MaintenanceStep access, ShadowCommands commands)
    {
        uint offset = (uint)access.Address;
        int index = _unit.BankAt(offset, out uint inPage);
        if (access.Kind == MaintenanceKind.RegisterRead)
        {
            Look(index, inPage, offset, commands);
        }
        else if (access.Kind == MaintenanceKind.RegisterWrite && index >= 0)
        {
            DecodeBank(_banks[index], inPage, access.Value, commands);
        }
        else if (access.Kind == MaintenanceKind.RegisterWrite)
        {
            DecodeGlobal(offset, (uint)access.Value, commands);
        }
    }

    /// <summary>A sync is done when software sees that it is. Without one, that none is under way says nothing.</summary>
    private void Look(int index, uint inPage, uint offset, ShadowCommands commands)
    {
        ref bool hasSync = ref _hasGlobalSync;
        if (index >= 0 && inPage == Smmu2Bank.SyncStatus)
        {
            hasSync = ref _banks[index].HasSync;
        }
        else if (offset is >= Smmu2Global.StreamContext and < Smmu2Global.Identification)
        {
            // A read is answered after the writes before it, of which those that invalidate may take longer: but what is owed to them is looked for
            // where they are made.
            commands.Complete();
            return;
        }
        else if (offset != Smmu2Global.SyncStatus)
        {
            return;
        }

        if (hasSync)
        {
            hasSync = false;
            commands.Complete();
        }
    }

    private void DecodeGlobal(uint offset, uint value, ShadowCommands commands)
    {
        uint routing = offset - (1u << _unit.PageShift);
        switch (offset)
        {
            case Smmu2Global.DropVmid:
                commands.DropTranslations((int)value, 0, ulong.MaxValue, withTables: true);
                break;
            case Smmu2Global.DropAllGuests:
                commands.DropTranslations(ShadowCommand.Every, 0, ulong.MaxValue, withTables: true);
                break;
            case Smmu2Global.Sync:
                _hasGlobalSync = true;
                break;
            case >= Smmu2Global.StreamContext and < Smmu2Global.Identification:
                Route((int)(offset - Smmu2Global.StreamContext) / sizeof(uint), new Smmu2StreamContext(value), commands);
                break;
            default:
                if (routing < Smmu2Routing.FaultStream && routing / sizeof(uint) < _banks.Length)
                {
                    _banks[routing / sizeof(uint)].Attributes = new Smmu2BankAttributes(value);
                }
                else if (routing >= Smmu2Routing.Attributes2 && routing - Smmu2Routing.Attributes2 < _banks.Length * sizeof(uint))
                {
                    _banks[(routing - Smmu2Routing.Attributes2) / sizeof(uint)].Is64 = (value & Smmu2Routing.Tables64) != 0;
                }

                break;
        }
    }

    private void Route(int group, Smmu2StreamContext context, ShadowCommands commands)
    {
        int device = Array.IndexOf(_groups, group);
        if (device >= 0)
        {
            bool isTranslated = context.Type == Smmu2StreamContextType.Translate && _banks[context.Bank].IsEnabled;
            commands.SetRoute(device, isTranslated ? _banks[context.Bank].Space : null);
        }
    }

    private static void DecodeBank(Bank bank, uint register, ulong value, ShadowCommands commands)
    {
        switch (register)
        {
            case Smmu2Bank.Table0:
                bank.Table = value;
                break;
            case Smmu2Bank.ContextId:
                bank.ContextId = (byte)value;
                break;
            case Smmu2Bank.TableControl:
                bank.IsLong = (value & Smmu2Bank.LongTables) != 0;
                break;
            case Smmu2Bank.SystemControl:
                Enable(bank, (value & Smmu2Bank.Control.Enable) != 0, commands);
                break;
            case Smmu2Bank.Sync:
                bank.HasSync = true;
                break;
            case >= Smmu2Bank.DropVa and <= Smmu2Bank.DropIpaLeaf:
                Drop(bank, register, value, commands);
                break;
            default:
                break;
        }
    }

    private static void Enable(Bank bank, bool isEnabled, ShadowCommands commands)
    {
        if (isEnabled)
        {
            commands.SetRoot(bank.Space, bank.Table & TableMask);
        }
        else if (bank.IsEnabled)
        {
            commands.SetRoot(bank.Space, null);
        }

        bank.IsEnabled = isEnabled;
    }

    private static void Drop(Bank bank, uint register, ulong value, ShadowCommands commands)
    {
        bool isOfIpa = register is Smmu2Bank.DropIpa or Smmu2Bank.DropIpaLeaf;
        if (isOfIpa != bank.IsStage2)
        {
            return;
        }

        int asid = isOfIpa ? bank.Space : bank.Is64 ? (int)(value >> Smmu2Bank.AsidShift) : (byte)value;
        ulong first = bank.Is64 || isOfIpa ? (value & Page64Mask) << PageShift : value & Page32Mask;
        ulong last = first + (PageBytes - 1);
        switch (register)
        {
            case Smmu2Bank.DropVa or Smmu2Bank.DropIpa:
                commands.DropTranslations(asid, first, last, withTables: true);
                break;
            case Smmu2Bank.DropVaLeaf or Smmu2Bank.DropIpaLeaf:
                commands.DropTranslations(asid, first, last);
                break;
            case Smmu2Bank.DropVaAllAsids or Smmu2Bank.DropVaAllAsidsLeaf:
                commands.DropTranslations(ShadowCommand.Every, first, last, withTables: register == Smmu2Bank.DropVaAllAsids);
                break;
            case Smmu2Bank.DropAsid:
                commands.DropTranslations((int)value, 0, ulong.MaxValue, withTables: true);
                break;
            case Smmu2Bank.DropAll:
                commands.DropTranslations(ShadowCommand.Every, 0, ulong.MaxValue, withTables: true);
                break;
            default:
                break;
        }
    }

    private sealed class Bank
    {
        public bool HasSync;

        public bool IsEnabled { get; set; }

        public bool Is64 { get; set; }

        public bool IsLong { get; set; }

        public Smmu2BankAttributes Attributes { get; set; }

        public ulong Table { get; set; }

        public byte ContextId { get; set; }

        public bool IsStage2 => Attributes.Type == Smmu2BankType.Stage2;

        public int Space => IsStage2 ? Attributes.Vmid : Is64 || IsLong ? (int)(Table >> Smmu2Bank.AsidShift) : ContextId;
    }
}
