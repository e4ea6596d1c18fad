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

    public ShadowCommand Decode(in MaintenanceStep access)
    {
        uint value = (uint)access.Value;
        switch ((uint)access.Address)
        {
            case TegraMc.PtbAsid:
                _selected = value & ((uint)soc.AsidCount - 1);
                return default;
            case TegraMc.PtbData:
                bool exists = (value & TegraEntry.RightsMask) != 0;
                return new(ShadowCommandKind.SetRoot, (int)_selected, exists ? TegraEntry.Address(value) : ShadowCommand.Nothing, 0);
            case TegraMc.PtcFlushHigh:
                _high = value & 3;
                return default;
            case TegraMc.PtcFlush:
                return PtcFlush(new TegraPtcFlush(value));
            case TegraMc.TlbFlush:
                return TlbFlush(new TegraTlbFlush(value));
            default:
                return Route((uint)access.Address, value);
        }
    }

    private ShadowCommand PtcFlush(TegraPtcFlush command)
    {
        if (!command.IsLine)
        {
            return ShadowCommand.DropAllTableCache;
        }

        ulong line = (command.AddressLow | ((ulong)_high << 32)) & ~((ulong)soc.AtomBytes - 1);
        return new(ShadowCommandKind.DropTableCache, ShadowCommand.Every, line, line + (ulong)soc.AtomBytes - 1);
    }

    private ShadowCommand TlbFlush(TegraTlbFlush command)
    {
        int space = command.MatchesAsid ? command.AsidOn(soc) : ShadowCommand.Every;
        ulong bytes = command.Match switch
        {
            TegraTlbFlushMatch.All => WholeSpace + 1,
            TegraTlbFlushMatch.Section => 1ul << TegraEntry.SectionShift,
            TegraTlbFlushMatch.Group => (ulong)groupBytes,
            _ => 0,
        };
        if (bytes == 0)
        {
            return default;
        }

        ulong first = command.Address & ~(bytes - 1);
        return new(ShadowCommandKind.DropTranslations, space, first, first + bytes - 1);
    }

    private ShadowCommand Route(uint offset, uint value)
    {
        for (int i = 0; i < devices.Count; i++)
        {
            if (devices[i].AsidRegister == offset)
            {
                bool isOn = (value & TegraMc.SwgroupBits.Enable) != 0;
                return new(ShadowCommandKind.SetRoute, i, isOn ? value & ((uint)soc.AsidCount - 1) : ShadowCommand.Nothing, 0);
            }
        }

        return default;
    }
}
