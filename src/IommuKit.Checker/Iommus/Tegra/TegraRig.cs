using IommuKit.Checker.Rigs;
using IommuKit.Drivers.Tegra;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Specs.Tegra;

namespace IommuKit.Checker.Iommus.Tegra;

/// <summary>A Tegra under the eyes of the checker.</summary>
internal sealed class TegraRig(MachinePlan plan, CheckSettings settings) : MachineRig<TegraFormat>(plan, settings)
{
    /// <summary>
    /// Lets the TLB hold translations of the address spaces that the domains will get, as if somebody had used them before.
    /// </summary>
    protected override void Settle(CheckSettings settings)
    {
        var model = ((TegraMachine)Machine).Model!;

        // A fault's handler reads registers, which would complete what was left without a wait.
        model.Write32(TegraMc.IntMask, 0);
        model.SettleWrites();
        var device = (TegraSwgroupDevice)Devices[0];
        var client = device.Clients[0];
        uint enabled = model.Read32(client.EnableRegister!.Value);
        model.Write32(client.EnableRegister.Value, enabled | client.EnableMask);
        for (int asid = Devices.Count - 1; asid >= 0; asid--)
        {
            model.Write32(TegraMc.PtbAsid, (uint)asid);
            model.Write32(TegraMc.PtbData, TegraPtb.Root(Machine.Allocator.LastAddress + 1 - settings.PoolBytes));
            model.Write32(device.Swgroup.AsidRegister, TegraMc.SwgroupBits.Enable | (uint)asid);
            model.SettleWrites();
            foreach (ulong page in settings.Pages)
            {
                _ = Access(0, page, isWrite: false);
            }

            model.Write32(TegraMc.PtbData, 0);
        }

        model.Write32(device.Swgroup.AsidRegister, 0);
        model.Write32(client.EnableRegister.Value, enabled);
        model.Write32(TegraMc.PtcFlush, TegraPtcFlush.All.Value);
        model.SettleWrites();
    }
}
