using IommuKit.Checker.Rigs;
using IommuKit.Domains;
using IommuKit.Drivers.Tegra;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Specs.Tegra;

namespace IommuKit.Checker.Iommus.Tegra;

/// <summary>What somebody who used a Tegra before may have left in it.</summary>
internal static class TegraLeftovers
{
    /// <summary>Lets the TLB hold translations of the address spaces that the domains will get.</summary>
    public static void Fill(Machine machine, IReadOnlyList<IommuDevice> devices, CheckSettings settings)
    {
        var model = ((TegraMachine)machine).Model!;

        // A fault's handler reads registers, which would complete what was left without a wait.
        model.Write32(TegraMc.IntMask, 0);
        model.SettleWrites();
        var device = (TegraSwgroupDevice)devices[0];
        var client = device.Clients[0];
        uint enabled = model.Read32(client.EnableRegister!.Value);
        model.Write32(client.EnableRegister.Value, enabled | client.EnableMask);
        for (int asid = devices.Count - 1; asid >= 0; asid--)
        {
            model.Write32(TegraMc.PtbAsid, (uint)asid);
            model.Write32(TegraMc.PtbData, TegraPtb.Root(machine.DataStart - settings.PoolBytes));
            model.Write32(device.Swgroup.AsidRegister, TegraMc.SwgroupBits.Enable | (uint)asid);
            model.SettleWrites();
            foreach (ulong page in settings.Pages)
            {
                _ = model.Translate(new DmaRequest(client.Id, page, IsWrite: false));
            }

            model.Write32(TegraMc.PtbData, 0);
        }

        model.Write32(device.Swgroup.AsidRegister, 0);
        model.Write32(client.EnableRegister.Value, enabled);
        model.Write32(TegraMc.PtcFlush, TegraPtcFlush.All.Value);
        model.SettleWrites();
    }
}
