using IommuKit.Checker.Shadow;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Tegra;

namespace IommuKit.Checker.Iommus.Tegra;

/// <summary>Reads register writes of a Tegra SMMU.</summary>
/// <param name="soc">Which one.</param>
/// <param name="groupBytes">Bytes of IOVA that a group flush of this hardware drops.</param>
/// <param name="devices">The swgroups whose routes matter; their place in the list is their number.</param>
internal sealed class TegraDecoder(TegraSoc soc, int groupBytes, IReadOnlyList<TegraSwgroup> devices) : ICommandDecoder
{
    private const ulong WholeSpace = uint.MaxValue;

    private uint _selected;
    private uint _high;

    public void Decode(in MaintenanceStep access, ShadowCommands commands)
    {
        if (access.Kind == MaintenanceKind.RegisterRead)
        {
            // A read is answered after all writes before it.
            commands.Complete();
            return;
        }

        uint value = (uint)access.Value;
        switch ((uint)access.Address)
        {
            case TegraMc.PtbAsid:
                _selected = value & ((uint)soc.AsidCount - 1);
                break;
            case TegraMc.PtbData:
                bool exists = (value & TegraEntry.RightsMask) != 0;
                commands.SetRoot((int)_selected, exists ? TegraEntry.Address(value) : null);
                break;
            case TegraMc.PtcFlushHigh:
                _high = value & 3;
                break;
            case TegraMc.PtcFlush:
                PtcFlush(new TegraPtcFlush(value), commands);
                break;
            case TegraMc.TlbFlush:
                TlbFlush(new TegraTlbFlush(value), commands);
                break;
            default:
                Route((uint)access.Address, value, commands);
                break;
        }
    }

    private void PtcFlush(TegraPtcFlush command, ShadowCommands commands)
    {
        if (!command.IsLine)
        {
            commands.DropTableCache(0, ulong.MaxValue);
            return;
        }

        ulong line = (command.AddressLow | ((ulong)_high << 32)) & ~((ulong)soc.AtomBytes - 1);
        commands.DropTableCache(line, line + (ulong)soc.AtomBytes - 1);
    }

    private void TlbFlush(TegraTlbFlush command, ShadowCommands commands)
    {
        int space = command.MatchesAsid ? command.AsidOn(soc) : ShadowCommand.Every;
        ulong bytes = command.Match switch
        {
            TegraTlbFlushMatch.All => WholeSpace + 1,
            TegraTlbFlushMatch.Section => 1ul << TegraEntry.SectionShift,
            TegraTlbFlushMatch.Group => (ulong)groupBytes,
            _ => 0,
        };
        if (bytes != 0)
        {
            ulong first = command.Address & ~(bytes - 1);
            commands.DropTranslations(space, first, first + bytes - 1);
        }
    }

    private void Route(uint offset, uint value, ShadowCommands commands)
    {
        for (int i = 0; i < devices.Count; i++)
        {
            if (devices[i].AsidRegister == offset)
            {
                bool isOn = (value & TegraMc.SwgroupBits.Enable) != 0;
                commands.SetRoute(i, isOn ? (int)(value & ((uint)soc.AsidCount - 1)) : null);
            }
        }
    }
}
